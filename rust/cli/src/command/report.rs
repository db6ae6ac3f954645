//! `scratchrs report`: the content of a depot as an HTML page.

use std::path::Path;

use scratchrs_core::gc::{self, Status};
use scratchrs_fs as fs;
use scratchrs_model::time::DepotTime;
use scratchrs_text::Text;
use scratchrs_text::human::{count, size};
use serde::Serialize;

use crate::collection;
use crate::failure::{Code, Failure, Result};
use crate::progress::with_progress;
use crate::session::Session;

const AFTER_HELP: &str = "\
Examples:
  scratchrs report --html depot.html
  scratchrs report --html depot.html --depot /shared/depot

With --json: {\"path\", \"depots\": [\"…\"], \"bytes\", \"freed\", \"reclaimable\", \"entries\", \
\"skipped\", \"notes\": [\"…\"]}. \"entries\" and \"skipped\" are numbers.";

/// Write an HTML page with a map of the depot
///
/// It shows sizes, ages and references, and what is reclaimable. The page is one file without external resources. It contains the output of `scratchrs status --json`,
/// including the paths on this machine. An existing file is replaced atomically.
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

/// The data of the page.
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
        // Measuring the depot may take long.
        check(Path::new(&path))?;
        let options = collection::dry_run(session, &[])?;
        let moment = collection::moment(session);
        let status = with_progress(session, |progress| gc::status(&options, moment, progress))?;
        let content =
            Content { generated: moment.now, version: env!("CARGO_PKG_VERSION"), status: &status };
        fs::replace(Path::new(&path), page(&content)?).map_err(|error| refused(&error))?;
        let answer = Answer {
            path: &path,
            depots: &status.depots,
            bytes: status.size.bytes,
            freed: status.size.freed(),
            reclaimable: status.reclaimable().bytes,
            entries: status.entries.len(),
            skipped: status.notes.len(),
        };
        session.print(&answer, |context| {
            let items = count(answer.entries as u64, "item");
            let what = format!("`{}` ({items}, {})", context.path(&path), size(answer.bytes));
            Text::default().done("Wrote", what)
        })
    }
}

/// Fails if the page cannot be written to a path.
fn check(path: &Path) -> Result<()> {
    let refuse = |why: &str, hint: &str| {
        let message = format!("can't write the page `{}`: {why}", path.display());
        Err(Failure::new(Code::Io, message).about(path).hint(hint))
    };
    let directory = path.parent().unwrap_or(path);
    let found = |path| fs::metadata(path).map_err(|error| refused(&error));
    if !found(directory)?.is_some_and(|found| found.is_dir()) {
        return refuse(
            "its directory does not exist",
            "create the directory, or pass another file",
        );
    }
    let target = found(path)?;
    if target.as_ref().is_some_and(fs::Metadata::is_dir) {
        return refuse("it is a directory", "pass a file: `--html depot.html`");
    }
    let is_something = fs::symlink_metadata(path).map_err(|error| refused(&error))?.is_some();
    // Replacing a device or a pipe would affect other processes.
    if is_something && !target.is_some_and(|found| found.is_file()) {
        return refuse("it is not a regular file", "pass another file");
    }
    Ok(())
}

/// An error of the file system about a file outside depots.
fn refused(error: &fs::Error) -> Failure {
    Failure::new(Code::Io, error.to_string())
        .about(error.path())
        .hint("pass a writable file: `--html ~/depot.html`")
}

fn page(content: &Content<'_>) -> Result<String> {
    let json = serde_json::to_string(content)
        .map_err(|error| Failure::new(Code::Internal, error.to_string()))?;
    // The data comes last: it may contain the placeholders.
    let page = PAGE.replace("/* the style */", STYLE).replace("/* the script */", SCRIPT);
    Ok(page.replace("/* the data */", &in_html(&json)))
}

/// JSON without characters that are special in HTML.
fn in_html(json: &str) -> String {
    json.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}
