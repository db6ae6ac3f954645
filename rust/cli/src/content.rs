//! The hashes of a directory, a tarball or any other file.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use clap::ValueEnum;
use scratchrs_archive as archive;
use scratchrs_archive::TreeHashes;
use scratchrs_fs::{self as fs, Progress};
use scratchrs_model::hash::{Sha256, TreeHash};
use sha2::Digest;

use crate::failure::{Failure, Result};

/// The content of a path.
pub(crate) enum Content {
    Directory {
        hashes: TreeHashes,
        sha256: Option<Sha256>,
        bytes: u64,
    },
    /// A tar archive, compressed or not, with the hashes of the tree in it.
    Tarball {
        hashes: TreeHashes,
        sha256: Sha256,
        bytes: u64,
    },
    /// With a problem if the name is that of an archive.
    File {
        blob: TreeHash,
        blob_sha256: Option<Sha256>,
        sha256: Sha256,
        bytes: u64,
        problem: Option<String>,
    },
}

/// The names of hashes: those of `Artifacts.toml` files, and git's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Hash {
    /// The hash of a tree: a directory, or the content of a tarball
    GitTreeSha1,
    /// The same with SHA-256, of a directory
    GitTreeSha256,
    /// Git's hash of a file
    GitBlobSha1,
    /// The same with SHA-256
    GitBlobSha256,
    /// The hash of the bytes of a file
    Sha256,
}

impl Content {
    /// Reads `path`, following a link. With `all`, git's SHA-256 hashes are computed too.
    pub(crate) fn read(path: &str, all: bool, progress: &Progress) -> Result<Self> {
        progress.begin(format!("Hashing `{path}`"));
        let place = Path::new(path);
        let wrap = |error| Failure::of_archive(error, path);
        if fs::is_dir(place) {
            let record = archive::tree_record(place, progress).map_err(wrap)?;
            let sha256 = all.then(|| archive::tree_hash_sha256(place, progress));
            let sha256 = sha256.transpose().map_err(wrap)?;
            return Ok(Self::Directory { hashes: record.hashes(), sha256, bytes: record.bytes() });
        }
        let reads = |error| fs::Error::on("read", path)(error);
        let file = fs::open(place).map_err(scratchrs_core::Error::from)?;
        let mut hashed = Hashed { file, hasher: sha2::Sha256::new(), bytes: 0 };
        progress.expect(hashed.file.metadata().map_or(0, |metadata| metadata.len()));
        let inspected = archive::inspect(&mut hashed, progress);
        io::copy(&mut hashed, &mut io::sink())
            .map_err(reads)
            .map_err(scratchrs_core::Error::from)?;
        let bytes = hashed.bytes;
        let sha256 = Sha256(hashed.hasher.finalize().into());
        let bad = match inspected {
            Ok(unpacked) => return Ok(Self::Tarball { hashes: unpacked.hashes, sha256, bytes }),
            Err(archive::Error::Archive(bad)) => bad,
            Err(error) => return Err(wrap(error)),
        };
        let blob = archive::blob_hash(&followed(place), progress).map_err(wrap)?;
        let blob_sha256 = all.then(|| archive::blob_hash_sha256(&followed(place), progress));
        let problem = is_named_as_tarball(path).then(|| bad.problem().to_owned());
        let blob_sha256 = blob_sha256.transpose().map_err(wrap)?;
        Ok(Self::File { blob, blob_sha256, sha256, bytes, problem })
    }

    /// The computed hashes.
    pub(crate) fn hashes(&self) -> Vec<(Hash, String)> {
        let mut hashes = Vec::new();
        match self {
            Self::Directory { hashes: tree, sha256, .. } => {
                hashes.push((Hash::GitTreeSha1, tree.pkg.to_string()));
                hashes.extend(sha256.map(|hash| (Hash::GitTreeSha256, hash.to_string())));
            }
            Self::Tarball { hashes: tree, sha256, .. } => {
                hashes.push((Hash::GitTreeSha1, tree.pkg.to_string()));
                hashes.push((Hash::Sha256, sha256.to_string()));
            }
            Self::File { blob, blob_sha256, sha256, .. } => {
                hashes.push((Hash::GitBlobSha1, blob.to_string()));
                hashes.extend(blob_sha256.map(|hash| (Hash::GitBlobSha256, hash.to_string())));
                hashes.push((Hash::Sha256, sha256.to_string()));
            }
        }
        hashes
    }

    /// Git's hash of the tree, if it differs from Pkg's.
    pub(crate) fn git_tree(&self) -> Option<TreeHash> {
        match self {
            Self::Directory { hashes, .. } | Self::Tarball { hashes, .. } => {
                (hashes.git != hashes.pkg).then_some(hashes.git)
            }
            Self::File { .. } => None,
        }
    }

    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Directory { .. } => "directory",
            Self::Tarball { .. } => "tarball",
            Self::File { .. } => "file",
        }
    }

    /// The size of the file, or that of all files of a directory.
    pub(crate) fn bytes(&self) -> u64 {
        match self {
            Self::Directory { bytes, .. }
            | Self::Tarball { bytes, .. }
            | Self::File { bytes, .. } => *bytes,
        }
    }
}

/// A file that is hashed while it is read.
struct Hashed {
    file: File,
    hasher: sha2::Sha256,
    bytes: u64,
}

impl Read for Hashed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.hasher.update(&buffer[..count]);
        self.bytes += count as u64;
        Ok(count)
    }
}

/// The target of a link: the hash of the link itself is that of its text.
fn followed(path: &Path) -> std::path::PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

fn is_named_as_tarball(path: &str) -> bool {
    let name = path.to_lowercase();
    name.contains(".tar.")
        || [".tar", ".tgz", ".txz", ".tbz2", ".tzst"].iter().any(|end| name.ends_with(end))
}
