//! An artifact on a local server.

use std::fs;
use std::path::Path;

use scratchrs_archive::Compression;
use scratchrs_core::artifact::{self, Stack};
use scratchrs_fs::Progress;
use scratchrs_model::hash::{Sha256, TreeHash};
use tempfile::TempDir;

use crate::server::Server;
use crate::set_mode;

/// A server with the tarball of an artifact: `bin/program`, executable, and `file`, which is larger
/// than one write to a socket and incompressible.
#[derive(Debug)]
pub struct ServedArtifact {
    /// Serves the tarball as `/x.tar.gz`.
    pub server: Server,
    /// The artifact.
    pub hash: TreeHash,
    /// The hash of the tarball.
    pub sha256: Sha256,
    /// The size of the tarball.
    pub size: u64,
    directory: TempDir,
}

impl ServedArtifact {
    /// Creates the artifact, with `bytes` in its file, and serves its tarball.
    pub fn new(bytes: usize) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let text = |path: &Path| path.to_str().expect("the path is Unicode").to_owned();
        let served = directory.path().join("served");
        fs::create_dir_all(served.join("artifact")).expect("a directory");
        let maker = Stack::new([text(&directory.path().join("maker"))], None).expect("a stack");
        let creation = artifact::begin(&maker).expect("an artifact");
        fs::create_dir(creation.directory().join("bin")).expect("a directory");
        let program = creation.directory().join("bin/program");
        fs::write(&program, "#!").expect("a file");
        set_mode(&program, 0o755);
        fs::write(creation.directory().join("file"), noise(bytes)).expect("a file");
        let hash = creation.publish(&maker, &Progress::default()).expect("an artifact").hash;
        let tarball = text(&served.join("x.tar.gz"));
        let gzip = Compression::Gzip;
        let packed = artifact::archive(&maker, hash, &tarball, gzip, &Progress::default());
        let packed = packed.expect("a tarball");
        let server = Server::start(&served);
        Self { server, hash, sha256: packed.sha256, size: packed.size, directory }
    }

    /// The served directory.
    pub fn directory(&self) -> std::path::PathBuf {
        self.directory.path().join("served")
    }

    /// An entry of `Artifacts.toml` that binds `name` to the artifact, with `path` of the server as
    /// its download.
    pub fn binding(&self, name: &str, path: &str) -> String {
        let Self { hash, sha256, .. } = self;
        let url = self.server.url(path);
        format!(
            "[{name}]\ngit-tree-sha1 = \"{hash}\"\n\n    [[{name}.download]]\n    \
             sha256 = \"{sha256}\"\n    url = \"{url}\"\n"
        )
    }

    /// The targets of the requests to the server.
    pub fn requests(&self) -> Vec<String> {
        self.server.received().into_iter().map(|received| received.target).collect()
    }
}

/// Incompressible bytes, always the same.
fn noise(count: usize) -> Vec<u8> {
    let mut state = 1u64;
    let next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(0x1405_7B7E_F767_814F);
        (state >> 56) as u8
    };
    std::iter::repeat_with(next).take(count).collect()
}
