//! `scratchrs artifact list`: which artifacts there are, or which a file binds.

use std::collections::BTreeMap;

use scratchrs_core::Error;
use scratchrs_core::artifact::{self, KnownFiles, Listed, Stack};
use scratchrs_model::artifacts_toml::{Bindings, Chosen, Entry, Host};
use scratchrs_model::hash::TreeHash;
use scratchrs_model::platform::Platform;
use scratchrs_model::time::DepotTime;
use serde::Serialize;

use crate::failure::Result;
use crate::human::{self, visible};
use crate::output::{aside, title};
use crate::selection::{self, Scope, platform_name};
use crate::session::Session;
use crate::table::{self, Align, Column};

const AFTER_HELP: &str = "\
Examples:
  scratchrs artifact list                      what is in the depots
  scratchrs artifact list --file .             what the package in this directory binds
  scratchrs artifact list --file . --all       … on every platform
  scratchrs artifact list --json | jq '[.artifacts[].bytes] | add'

With --json: {\"artifacts\": [{\"hash\", \"path\", \"bytes\", \"names\": [\"…\"], \"last_used\", \
\"bound_by\": [\"…\"]}], \"bytes\", \"notes\": [\"…\"]}; with --file {\"file\", \"bindings\": \
[{\"name\", \"platform\", \"hash\", \"lazy\", \"state\", \"path\", \"urls\": [\"…\"], \
\"reason\"}], \"notes\": [\"…\"]}, where \"state\" is \"installed\", \"missing\" or \"overridden\"; \
or, with a \"reason\" and neither hash nor path, \"undecided\" if it depends on what is not known of \
this machine, or \"invalid\".";

/// List the artifacts of the depots, or what a file binds
///
/// Without --file, these are the artifacts of all depots, with the files that bind them as far as
/// the depots know. With --file, these are the names that it binds, on this machine's platform.
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

/// What a name stands for.
#[derive(Serialize)]
struct Bound {
    name: String,
    platform: Option<String>,
    /// None if it is not known what the name stands for; so is the path.
    hash: Option<String>,
    lazy: bool,
    state: &'static str,
    path: Option<String>,
    urls: Vec<String>,
    /// Why it is not known.
    reason: Option<String>,
}

const BOUND_COLUMNS: [Column; 4] = [
    Column { title: "name", align: Align::Left, yields: true },
    Column { title: "platform", align: Align::Left, yields: true },
    Column { title: "hash", align: Align::Left, yields: true },
    Column { title: "state", align: Align::Left, yields: false },
];

impl Bound {
    /// What a name stands for on a host. None if it stands for nothing there.
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
        // What is invalid in the file has been told.
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
            hash: Some(entry.hash.to_string()),
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
                (self.platform.clone().unwrap_or_else(|| platform_name(None)), hash.clone())
            }
            None => (unknown.clone(), unknown),
        };
        [visible(&self.name), platform, hash, state.to_owned()]
    }
}

#[derive(Serialize)]
struct Answer {
    artifacts: Vec<Artifact>,
    bytes: u64,
}

#[derive(Serialize)]
struct Artifact {
    hash: String,
    path: String,
    bytes: u64,
    names: Vec<String>,
    last_used: Option<String>,
    bound_by: Vec<String>,
}

const COLUMNS: [Column; 5] = [
    Column { title: "artifact", align: Align::Left, yields: true },
    Column { title: "name", align: Align::Left, yields: true },
    Column { title: "size", align: Align::Right, yields: false },
    Column { title: "last used", align: Align::Left, yields: false },
    Column { title: "bound by", align: Align::Left, yields: false },
];

/// Who uses an artifact.
#[derive(Clone, Default)]
struct Uses {
    names: Vec<String>,
    last_used: Option<DepotTime>,
    files: Vec<String>,
}

fn list_depots(session: &mut Session, stack: &Stack) -> Result<()> {
    let listed = artifact::list(stack)?;
    let known = artifact::known_files(stack, None::<&str>)?;
    selection::complain(session, &known.diagnostics);
    let uses = uses(&known);
    let bytes = listed.iter().map(|it| it.bytes).sum();
    let mut rows = Vec::new();
    let mut artifacts = Vec::new();
    for Listed { hash, path, bytes } in listed {
        let uses = uses.get(&hash).cloned().unwrap_or_default();
        rows.push([
            hash.to_string(),
            visible(&uses.names.join(", ")),
            human::size(bytes),
            human::age(uses.last_used, session.environment.now),
            match uses.files.len() {
                0 => "nothing".to_owned(),
                count => human::count(count as u64, "file"),
            },
        ]);
        artifacts.push(Artifact {
            hash: hash.to_string(),
            path,
            bytes,
            names: uses.names,
            last_used: uses.last_used.map(|time| time.to_string()),
            bound_by: uses.files,
        });
    }
    if session.output.is_json() {
        return session.output.json(&Answer { artifacts, bytes });
    }
    let depots =
        stack.directories().iter().map(|it| format!("`{it}`")).collect::<Vec<_>>().join(", ");
    if artifacts.is_empty() {
        session.output.talk(&format!("There is no artifact in {depots}"));
        return Ok(());
    }
    let total = format!(
        "{} in {depots}, {}",
        human::count(artifacts.len() as u64, "artifact"),
        human::size(bytes)
    );
    print(session, &COLUMNS, &rows)?;
    session.output.talk(&aside(&total));
    Ok(())
}

/// The uses of each artifact that a file binds.
fn uses(known: &KnownFiles) -> BTreeMap<TreeHash, Uses> {
    let mut all: BTreeMap<TreeHash, Uses> = BTreeMap::new();
    for file in &known.files {
        for (hash, name) in file.named.iter() {
            let uses = all.entry(hash).or_default();
            uses.last_used = uses.last_used.max(file.last_used);
            if uses.files.last() != Some(&file.path) {
                uses.files.push(file.path.clone());
            }
            let name = name.filter(|name| uses.names.iter().all(|known| known != name));
            uses.names.extend(name.map(str::to_owned));
        }
    }
    all
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
