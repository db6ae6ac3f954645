//! `scratchrs artifact list`: which artifacts there are, or which a file binds.

use std::collections::BTreeMap;

use scratchrs_core::artifact::{self, KnownFiles, Listed, Stack};
use scratchrs_model::artifacts_toml::{Bindings, Entry};
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
[{\"name\", \"platform\", \"hash\", \"lazy\", \"state\", \"path\", \"urls\": [\"…\"]}], \
\"notes\": [\"…\"]}, where \"state\" is \"installed\", \"missing\" or \"overridden\".";

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
        let stack = selection::stack(session)?;
        if self.scope.file.is_given() {
            self.list_file(session, &stack)
        } else {
            list_depots(session, &stack)
        }
    }

    fn list_file(&self, session: &mut Session, stack: &Stack) -> Result<()> {
        let file = self.scope.file.existing(session)?;
        let bindings = selection::bindings(session, &file)?;
        let platform = if self.all { None } else { Some(self.scope.platform.get()?) };
        let bound = bound(&bindings, platform.as_ref());
        let bound: Vec<_> = bound
            .into_iter()
            .map(|(name, platform, entry)| Bound::of(stack, name, platform, entry))
            .collect::<Result<_>>()?;
        if session.output.is_json() {
            return session.output.json(&FileAnswer { file, bindings: bound });
        }
        if bound.is_empty() {
            let on = platform.map(|platform| format!(" on {platform}")).unwrap_or_default();
            session.output.talk(&format!("`{file}` binds nothing{on}"));
            return Ok(());
        }
        let rows: Vec<_> = bound.iter().map(Bound::row).collect();
        print(session, &BOUND_COLUMNS, &rows)
    }
}

/// The entries of each name: the one for a platform, or all.
fn bound<'a>(
    bindings: &'a Bindings,
    platform: Option<&'a Platform>,
) -> Vec<(&'a str, Option<&'a Platform>, &'a Entry)> {
    let mut bound = Vec::new();
    for name in bindings.names() {
        let entries = bindings.entries(name);
        let chosen = platform.map(|platform| bindings.select(name, platform).ok().flatten());
        let entries = entries.into_iter().filter(|(_, entry)| match chosen {
            Some(chosen) => chosen.is_some_and(|chosen| std::ptr::eq(chosen, *entry)),
            None => true,
        });
        bound.extend(entries.map(|(platform, entry)| (name, platform, entry)));
    }
    bound
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
    hash: String,
    lazy: bool,
    state: &'static str,
    path: String,
    urls: Vec<String>,
}

const BOUND_COLUMNS: [Column; 4] = [
    Column { title: "name", align: Align::Left, yields: true },
    Column { title: "platform", align: Align::Left, yields: true },
    Column { title: "hash", align: Align::Left, yields: true },
    Column { title: "state", align: Align::Left, yields: false },
];

impl Bound {
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
            hash: entry.hash.to_string(),
            lazy: entry.lazy,
            state,
            path: stack.path(entry.hash)?,
            urls: downloads.map(|download| download.url.clone()).collect(),
        })
    }

    fn row(&self) -> [String; 4] {
        let state = match (self.state, self.lazy) {
            ("missing", true) => "missing (lazy)",
            (state, _) => state,
        };
        let platform = self.platform.clone().unwrap_or_else(|| platform_name(None));
        [visible(&self.name), platform, self.hash.clone(), state.to_owned()]
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
    selection::complain(session, &known.complaints);
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
