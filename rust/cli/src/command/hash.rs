//! `scratchrs hash`: what names a directory, a tarball or a file.

use clap::ValueEnum;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::content::{Content, Hash};
use crate::failure::{Failure, Result};
use crate::human::visible;
use crate::progress::with_progress;
use crate::session::Session;

const AFTER_HELP: &str = "\
Examples:
  scratchrs hash iris                           git-tree-sha1 of a directory
  scratchrs hash iris.tar.gz                    … of what is in the tarball, and its sha256
  scratchrs hash iris.tar.gz --only sha256      the digits, and nothing else
  scratchrs hash --all iris iris.tar.gz LICENSE

With --json: {\"hashes\": [{\"path\", \"kind\", \"bytes\", \"git-tree-sha1\", \"sha256\", …}], \
\"notes\": [\"…\"]}. \"kind\" is \"directory\", \"tarball\" or \"file\".";

/// Print the hashes of directories, tarballs and files
///
/// They are printed as an Artifacts.toml file has them. That of a directory is the one by which Pkg
/// and git know the tree. Of a tarball, compressed or not, it is that of the tree in it, which is
/// read and not unpacked. Links are followed to what is hashed, and not within it.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// Directories, tarballs, files
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<String>,

    /// Print this hash only, and nothing but its digits
    #[arg(long, value_name = "HASH", conflicts_with = "all")]
    only: Option<Hash>,

    /// Also print git's hashes by SHA-256
    #[arg(long)]
    all: bool,
}

#[derive(Serialize)]
struct Answer {
    hashes: Vec<Entry>,
}

#[derive(Serialize)]
struct Entry {
    path: String,
    kind: &'static str,
    /// The size of the file, or that of all files of a directory.
    bytes: u64,
    #[serde(flatten)]
    hashes: Map<String, Value>,
}

impl Arguments {
    pub(crate) fn run(&self, session: &mut Session) -> Result<()> {
        let all = self.all || self.only.is_some_and(|only| !is_usual(only));
        let mut answer = Answer { hashes: Vec::new() };
        for (index, path) in self.paths.iter().enumerate() {
            let content = with_progress(session, |progress| Content::read(path, all, progress))?;
            tell(session, path, &content);
            if session.output.is_json() {
                answer.hashes.push(self.entry(path, &content)?);
            } else {
                let text = self.text(path, &content)?;
                let gap = if index > 0 && self.only.is_none() { "\n" } else { "" };
                session.output.result(&format!("{gap}{text}"))?;
            }
        }
        if session.output.is_json() { session.output.json(&answer) } else { Ok(()) }
    }

    /// What is asked for of the hashes that there are.
    fn chosen(&self, path: &str, content: &Content) -> Result<Vec<(Hash, String)>> {
        let mut hashes = content.hashes();
        let Some(only) = self.only else { return Ok(hashes) };
        hashes.retain(|(hash, _)| *hash == only);
        if hashes.is_empty() {
            let message = format!("there is no {} of a {}: `{path}`", name(only), content.kind());
            return Err(Failure::invalid(message).about(path));
        }
        Ok(hashes)
    }

    fn text(&self, path: &str, content: &Content) -> Result<String> {
        let hashes = self.chosen(path, content)?;
        let line = |(hash, digits): &(Hash, String)| match self.only {
            Some(_) => format!("{digits}\n"),
            None => format!("{} = \"{digits}\"\n", name(*hash)),
        };
        let lines: String = hashes.iter().map(line).collect();
        let is_titled = self.paths.len() > 1 && self.only.is_none();
        Ok(if is_titled { format!("# {}\n{lines}", visible(path)) } else { lines })
    }

    fn entry(&self, path: &str, content: &Content) -> Result<Entry> {
        let hashes = self.chosen(path, content)?;
        Ok(Entry {
            path: path.to_owned(),
            kind: content.kind(),
            bytes: content.bytes(),
            hashes: hashes.into_iter().map(|(hash, digits)| (name(hash), digits.into())).collect(),
        })
    }
}

/// Whether a hash is there without asking for all.
fn is_usual(hash: Hash) -> bool {
    !matches!(hash, Hash::GitTreeSha256 | Hash::GitBlobSha256)
}

fn name(hash: Hash) -> String {
    hash.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

/// Tells what may surprise.
fn tell(session: &mut Session, path: &str, content: &Content) {
    if let Some(git) = content.git_tree() {
        let note = format!(
            "git names the tree {git}, as there are links in it that are not ASCII: `{path}`"
        );
        session.output.note(&note, None);
    }
    if let Content::File { problem: Some(problem), .. } = content {
        session.output.note(&format!("this is no tarball, as {problem}: `{path}`"), None);
    }
}
