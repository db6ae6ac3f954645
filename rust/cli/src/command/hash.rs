//! `scratchrs hash`: hashes of directories, tarballs and files.

use clap::ValueEnum;
use scratchrs_text::human::visible;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::content::{Content, Hash};
use crate::failure::{Failure, Result};
use crate::progress::with_progress;
use crate::session::Session;

const AFTER_HELP: &str = "\
Examples:
  scratchrs hash iris                           git-tree-sha1 of a directory
  scratchrs hash iris.tar.gz                    … of the tree in a tarball, and the sha256
  scratchrs hash iris.tar.gz --only sha256      only the digits
  scratchrs hash --all iris iris.tar.gz LICENSE

With --json: {\"hashes\": [{\"path\", \"kind\", \"bytes\", \"git-tree-sha1\", \"sha256\", …}], \
\"notes\": [\"…\"]}. \"kind\" is \"directory\", \"tarball\" or \"file\".";

/// Print the hashes of directories, tarballs and files
///
/// The format is that of Artifacts.toml files. A directory has the tree hash of Pkg and git; so has the tree
/// in a tarball, compressed or not, which is not unpacked. Links given as arguments are followed; links in
/// a tree are hashed as links.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// Directories, tarballs and files
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<String>,

    /// Print only the digits of this hash
    #[arg(long, value_name = "HASH", conflicts_with = "all")]
    only: Option<Hash>,

    /// Also print git's SHA-256 hashes
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
            note(session, path, &content);
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

    /// The requested hashes.
    fn chosen(&self, path: &str, content: &Content) -> Result<Vec<(Hash, String)>> {
        let mut hashes = content.hashes();
        let Some(only) = self.only else { return Ok(hashes) };
        hashes.retain(|(hash, _)| *hash == only);
        if hashes.is_empty() {
            let message = format!("a {} has no {}: `{path}`", content.kind(), name(only));
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

/// Whether a hash is computed without `--all`.
fn is_usual(hash: Hash) -> bool {
    !matches!(hash, Hash::GitTreeSha256 | Hash::GitBlobSha256)
}

fn name(hash: Hash) -> String {
    hash.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

/// Notes an unexpected content.
fn note(session: &mut Session, path: &str, content: &Content) {
    if let Some(git) = content.git_tree() {
        session.output.note(format!(
            "git's hash of the tree is {git}, since it has non-ASCII links: `{path}`"
        ));
    }
    if let Content::File { problem: Some(problem), .. } = content {
        session.output.note(format!("not a tarball: {problem}: `{path}`"));
    }
}
