//! `scratchrs report`: what is in a depot, as a page to look at.

use std::path::Path;

use scratchrs_core::gc::{self, Status};
use scratchrs_fs as fs;
use scratchrs_model::time::DepotTime;
use serde::Serialize;

use crate::collection::{self, COLLECT_DELAY, homely};
use crate::failure::{Code, Failure, Result};
use crate::human;
use crate::output::done;
use crate::progress::with_progress;
use crate::session::Session;

const AFTER_HELP: &str = "\
Examples:
  scratchrs report --html depot.html
  scratchrs report --html depot.html --depot /shared/depot

With --json: {\"path\", \"depots\": [\"…\"], \"bytes\", \"freed\", \"reclaimable\", \"entries\", \
\"skipped\", \"notes\": [\"…\"]}, of which the last but one are how many.";

/// Write a page with a map of the depot: what is in it, how large, how old, and what can go
///
/// The page is one file that loads nothing from anywhere. It holds what `scratchrs status --json`
/// prints, with the paths on this machine. What is at its place is replaced, in one step.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// Where to write the page
    #[arg(long, value_name = "FILE")]
    html: String,
}

#[derive(Serialize)]
struct Answer<'a> {
    path: &'a str,
    depots: &'a [String],
    bytes: u64,
    freed: u64,
    reclaimable: u64,
    entries: usize,
    skipped: usize,
}

/// What the page has in it.
#[derive(Serialize)]
struct Content<'a> {
    generated: DepotTime,
    version: &'static str,
    #[serde(flatten)]
    status: &'a Status,
}

const PAGE: &str = include_str!("report/page.html");
const STYLE: &str = include_str!("report/page.css");
const SCRIPT: &str = include_str!("report/page.js");

impl Arguments {
    pub(crate) fn run(&self, session: &mut Session) -> Result<()> {
        if self.html.is_empty() {
            return Err(Failure::invalid("`--html` is empty"));
        }
        let path = session.absolute(&self.html)?;
        // Before the depot is measured: that may take long.
        check(Path::new(&path))?;
        let delay = collection::duration(COLLECT_DELAY).unwrap_or_default();
        let options = collection::looking(session, delay)?;
        let moment = collection::moment(session);
        let status = with_progress(session, |progress| gc::status(&options, moment, progress))?;
        let content =
            Content { generated: moment.now, version: env!("CARGO_PKG_VERSION"), status: &status };
        fs::replace(Path::new(&path), page(&content)?).map_err(|error| refused(&error))?;
        let (size, entries) = (status.size, status.entries.len());
        if session.output.is_json() {
            return session.output.json(&Answer {
                path: &path,
                depots: &status.depots,
                bytes: size.bytes,
                freed: size.freed(),
                reclaimable: status.reclaimable().bytes,
                entries,
                skipped: status.notes.len(),
            });
        }
        let things = human::count(entries as u64, "thing");
        let what = format!("{things}, {}", human::size(size.bytes));
        let path = homely(&path, session);
        session.output.talk(&format!("{} `{path}` ({what})", done("Wrote")));
        Ok(())
    }
}

/// Refuses what no page can be written to.
fn check(path: &Path) -> Result<()> {
    let refuse = |why: &str, hint: &str| {
        let message = format!("can't write the page `{}`: {why}", path.display());
        Err(Failure::new(Code::Io, message).about(path).hint(hint))
    };
    let directory = path.parent().unwrap_or(path);
    let found = |path| fs::metadata(path).map_err(|error| refused(&error));
    if !found(directory)?.is_some_and(|found| found.is_dir()) {
        return refuse("its directory is not there", "make the directory, or name another file");
    }
    let target = found(path)?;
    if target.as_ref().is_some_and(fs::Metadata::is_dir) {
        return refuse("it is a directory", "name a file in it: `--html depot.html`");
    }
    let is_something = fs::symlink_metadata(path).map_err(|error| refused(&error))?.is_some();
    // A device or a pipe would be replaced by a file, for all processes.
    if is_something && !target.is_some_and(|found| found.is_file()) {
        return refuse("what is there is no file", "name another file");
    }
    Ok(())
}

/// The file system's refusal of a file that lies in no depot.
fn refused(error: &fs::Error) -> Failure {
    Failure::new(Code::Io, error.to_string())
        .about(error.path())
        .hint("name a file where you may write: `--html ~/depot.html`")
}

fn page(content: &Content<'_>) -> Result<String> {
    let json = serde_json::to_string(content)
        .map_err(|error| Failure::new(Code::Internal, error.to_string()))?;
    // The data comes last: nothing that it says is taken for a place to fill.
    let page = PAGE.replace("/* the style */", STYLE).replace("/* the script */", SCRIPT);
    Ok(page.replace("/* the data */", &in_html(&json)))
}

/// JSON that HTML takes for text wherever it stands: it opens and closes nothing.
fn in_html(json: &str) -> String {
    json.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}
