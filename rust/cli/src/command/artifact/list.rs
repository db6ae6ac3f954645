//! `scratchrs artifact list`: list installed artifacts, or the bindings of a file.

use scratchrs_core::Error;
use scratchrs_core::artifact::{self, Listed, Stack};
use scratchrs_model::artifacts_toml::{Bindings, Chosen, Entry, Host};
use scratchrs_model::hash::TreeHash;
use scratchrs_model::platform::Platform;
use serde::Serialize;

use crate::failure::Result;
use crate::human::{self, visible};
use crate::output::{aside, title};
use crate::selection::{self, Scope, platform_name};
use crate::session::Session;
use crate::table::{self, Align, Column};

const AFTER_HELP: &str = "\
Examples:
  scratchrs artifact list                      the artifacts in the depots
  scratchrs artifact list --file .             the bindings of the package in this directory
  scratchrs artifact list --file . --all       … for every platform
  scratchrs artifact list --json | jq '[.artifacts[].bytes] | add'

With --json: {\"artifacts\": [{\"hash\", \"path\", \"bytes\", \"names\": [\"…\"], \"last_used\", \
\"bound_by\": [\"…\"]}], \"bytes\", \"notes\": [\"…\"]}; with --file {\"file\", \"bindings\": \
[{\"name\", \"platform\", \"hash\", \"lazy\", \"state\", \"path\", \"urls\": [\"…\"], \
\"reason\"}], \"notes\": [\"…\"]}, where \"state\" is \"installed\", \"missing\" or \"overridden\"; \
or, with a \"reason\" and neither hash nor path, \"undecided\" if it depends on unknown properties of \
this machine, or \"invalid\".";

/// List the artifacts of the depots, or the bindings of a file
///
/// Without --file, these are the artifacts of all depots, with the files that bind them as far as
/// the depots know them. With --file, these are the names that it binds, for this machine's platform.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    #[command(flatten)]
    scope: Scope,

    /// The bindings for every platform
    #[arg(long, requires = "file", conflicts_with = "platform")]
    all: bool,
}

impl Arguments {
    pub(crate) fn run(&self, session: &mut Session) -> Result<()> {
        let mut stack = selection::stack(session)?;
        if self.scope.file.is_given() {
            self.list_file(session, &mut stack)
        } else {
            list_depots(session, &stack)
        }
    }

    fn list_file(&self, session: &mut Session, stack: &mut Stack) -> Result<()> {
        let file = self.scope.file.existing(session)?;
        let bindings = selection::bindings(session, stack, &file)?;
        let host = if self.all { None } else { Some(self.scope.platform.host()?) };
        let mut bound = Vec::new();
        for name in bindings.names() {
            match &host {
                Some(host) => {
                    bound.extend(Bound::chosen(session, stack, &file, &bindings, name, host)?)
                }
                None => {
                    for (platform, entry) in bindings.entries(name) {
                        bound.push(Bound::of(stack, name, platform, entry)?);
                    }
                }
            }
        }
        if session.output.is_json() {
            return session.output.json(&FileAnswer { file, bindings: bound });
        }
        if bound.is_empty() {
            let on = host.map(|host| format!(" on {}", host.platform())).unwrap_or_default();
            session.output.talk(&format!("`{file}` binds nothing{on}"));
            return Ok(());
        }
        let rows: Vec<_> = bound.iter().map(Bound::row).collect();
        print(session, &BOUND_COLUMNS, &rows)
    }
}

#[derive(Serialize)]
struct FileAnswer {
    file: String,
    bindings: Vec<Bound>,
}

/// The binding of a name.
#[derive(Serialize)]
struct Bound {
    name: String,
    platform: Option<String>,
    /// `None` if the binding is undecided or invalid; so is the path.
    hash: Option<TreeHash>,
    lazy: bool,
    state: &'static str,
    path: Option<String>,
    urls: Vec<String>,
    /// Why it is undecided or invalid.
    reason: Option<String>,
}

const BOUND_COLUMNS: [Column; 4] = [
    Column { title: "name", align: Align::Left, yields: true },
    Column { title: "platform", align: Align::Left, yields: true },
    Column { title: "hash", align: Align::Left, yields: true },
    Column { title: "state", align: Align::Left, yields: false },
];

impl Bound {
    /// The binding of a name for a host. `None` if it is not bound there.
    fn chosen(
        session: &mut Session,
        stack: &Stack,
        file: &str,
        bindings: &Bindings,
        name: &str,
        host: &Host,
    ) -> Result<Option<Self>> {
        let error = match artifact::choose(stack, file, bindings, name, host) {
            Ok(None) => return Ok(None),
            Ok(Some(Chosen { platform, entry })) => {
                return Self::of(stack, name, platform, entry).map(Some);
            }
            Err(error) => error,
        };
        let state = match error {
            Error::Undecided { .. } => "undecided",
            Error::Format { .. } => "invalid",
            error => return Err(error.into()),
        };
        // The diagnostics of the file have been printed.
        if state == "undecided" {
            session.output.note(&visible(&error.to_string()), error.hint());
        }
        let lazy = bindings.entries(name).iter().all(|(_, entry)| entry.lazy);
        Ok(Some(Self {
            name: name.to_owned(),
            platform: None,
            hash: None,
            lazy,
            state,
            path: None,
            urls: Vec::new(),
            reason: Some(error.to_string()),
        }))
    }

    fn of(stack: &Stack, name: &str, platform: Option<&Platform>, entry: &Entry) -> Result<Self> {
        let state = match (stack.overridden(entry.hash)?, stack.find(entry.hash)?) {
            (Some(_), _) => "overridden",
            (None, Some(_)) => "installed",
            (None, None) => "missing",
        };
        let downloads = entry.downloads.iter().flatten();
        Ok(Self {
            name: name.to_owned(),
            platform: platform.map(ToString::to_string),
            hash: Some(entry.hash),
            lazy: entry.lazy,
            state,
            path: Some(stack.path(entry.hash)?),
            urls: downloads.map(|download| download.url.clone()).collect(),
            reason: None,
        })
    }

    fn row(&self) -> [String; 4] {
        let state = match (self.state, self.lazy) {
            ("missing", true) => "missing (lazy)",
            (state, _) => state,
        };
        let unknown = "?".to_owned();
        let (platform, hash) = match &self.hash {
            Some(hash) => {
                (self.platform.clone().unwrap_or_else(|| platform_name(None)), hash.to_string())
            }
            None => (unknown.clone(), unknown),
        };
        [visible(&self.name), platform, hash, state.to_owned()]
    }
}

const COLUMNS: [Column; 5] = [
    Column { title: "artifact", align: Align::Left, yields: true },
    Column { title: "name", align: Align::Left, yields: true },
    Column { title: "size", align: Align::Right, yields: false },
    Column { title: "last used", align: Align::Left, yields: false },
    Column { title: "bound by", align: Align::Left, yields: false },
];

fn list_depots(session: &mut Session, stack: &Stack) -> Result<()> {
    let listing = artifact::list(stack)?;
    selection::complain(session, &listing.diagnostics);
    if session.output.is_json() {
        return session.output.json(&listing);
    }
    let depots =
        stack.directories().iter().map(|it| format!("`{it}`")).collect::<Vec<_>>().join(", ");
    if listing.artifacts.is_empty() {
        session.output.talk(&format!("There is no artifact in {depots}"));
        return Ok(());
    }
    let now = session.environment.now;
    let row = |artifact: &Listed| {
        [
            artifact.hash.to_string(),
            visible(&artifact.names.join(", ")),
            human::size(artifact.bytes),
            human::age(artifact.last_used, now),
            match artifact.bound_by.len() {
                0 => "nothing".to_owned(),
                count => human::count(count as u64, "file"),
            },
        ]
    };
    let rows: Vec<_> = listing.artifacts.iter().map(row).collect();
    let total = format!(
        "{} in {depots}, {}",
        human::count(rows.len() as u64, "artifact"),
        human::size(listing.bytes)
    );
    print(session, &COLUMNS, &rows)?;
    session.output.talk(&aside(&total));
    Ok(())
}

/// Prints a table, its titles marked.
fn print<const N: usize>(
    session: &mut Session,
    columns: &[Column; N],
    rows: &[[String; N]],
) -> Result<()> {
    let mut lines = table::lines(columns, rows, session.environment.columns);
    lines[0] = title(&lines[0]);
    session.output.result(&(lines.join("\n") + "\n"))
}
