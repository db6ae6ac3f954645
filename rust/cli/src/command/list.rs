//! `scratchrs list`: which scratch spaces there are.

use std::path::Path;

use scratchrs_core::scratch::{self, Listing, Space};
use scratchrs_fs as fs;
use scratchrs_model::layout::GLOBAL;
use uuid::Uuid;

use crate::diagnostics;
use crate::failure::Result;
use crate::human::{self, visible};
use crate::namespace::parse_uuid;
use crate::output::{aside, title};
use crate::session::{Session, place};
use crate::table::{self, Align, Column};

const AFTER_HELP: &str = "\
Examples:
  scratchrs list       a table
  scratchrs list -v    with the paths, and the projects that use the spaces
  scratchrs list --json | jq -r '.spaces[] | select(.last_used == null) | .path'

With --json: {\"directory\", \"spaces\": [{\"owner\", \"package\", \"key\", \"path\", \"bytes\", \
\"last_used\", \"parent_projects\": [\"…\"]}], \"bytes\", \"skipped\": [{\"line\", \"column\", \"message\"}], \
\"notes\": [\"…\"]}. \"last_used\" is a local time with a Z behind it, as Pkg logs it.";

/// List the scratch spaces with their sizes, last uses and users
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// Only those of the package with this UUID
    #[arg(long, value_parser = parse_uuid)]
    uuid: Option<Uuid>,

    /// Also show the paths, and the projects that use the spaces
    #[arg(long, short)]
    verbose: bool,
}

const COLUMNS: [Column; 5] = [
    Column { title: "package", align: Align::Left, yields: true },
    Column { title: "key", align: Align::Left, yields: true },
    Column { title: "size", align: Align::Right, yields: false },
    Column { title: "last used", align: Align::Left, yields: false },
    Column { title: "kept by", align: Align::Left, yields: false },
];

impl Arguments {
    pub(crate) fn run(&self, session: &mut Session) -> Result<()> {
        let depot = session.depot()?;
        let place = place(&depot);
        let mut listing = scratch::list(place, self.uuid)?;
        listing.spaces.sort_by_cached_key(|space| (owner(space).to_lowercase(), space.key.clone()));
        let log = place.usage_log()?;
        let consequence = "skipped, and removed when the next use is recorded";
        diagnostics::report(session, &log, &listing.skipped, consequence);
        if session.output.is_json() {
            return session.output.json(&listing);
        }
        let Listing { directory, spaces, bytes, .. } = listing;
        if spaces.is_empty() {
            session.output.talk(&self.nothing(&depot, &directory));
            return Ok(());
        }
        let lines = self.lines(&spaces, session);
        session.output.result(&(lines.join("\n") + "\n"))?;
        let count = human::count(spaces.len() as u64, "scratch space");
        let total = format!("{count} in `{directory}`, {}", human::size(bytes));
        session.output.talk(&aside(&total));
        Ok(())
    }

    fn nothing(&self, depot: &str, directory: &str) -> String {
        if !fs::is_dir(Path::new(depot)) {
            return format!("There is no scratch space, as there is no depot at `{depot}`");
        }
        match self.uuid {
            Some(uuid) => format!("There is no scratch space of package {uuid} in `{directory}`"),
            None => format!("There is no scratch space in `{directory}`"),
        }
    }

    fn lines(&self, spaces: &[Space], session: &Session) -> Vec<String> {
        let row = |space: &Space| {
            [
                visible(&owner(space)),
                visible(&space.key),
                human::size(space.bytes),
                human::age(space.last_used, session.environment.now),
                kept_by(space),
            ]
        };
        let rows: Vec<_> = spaces.iter().map(row).collect();
        let mut table = table::lines(&COLUMNS, &rows, session.environment.columns).into_iter();
        let mut lines: Vec<String> = table.next().map(|line| title(&line)).into_iter().collect();
        for (line, space) in table.zip(spaces) {
            lines.push(line);
            if self.verbose {
                lines.extend(details(space));
            }
        }
        lines
    }
}

/// What a person knows the owner by.
fn owner(space: &Space) -> String {
    match &space.package {
        Some(name) => name.clone(),
        None if space.owner == GLOBAL.to_string() => "(global)".to_owned(),
        None => space.owner.clone(),
    }
}

/// How many of the projects that use the space are there: those keep it from being collected.
fn kept_by(space: &Space) -> String {
    match space.parent_projects.iter().filter(|project| is_there(project)).count() {
        0 => "nothing".to_owned(),
        count => human::count(count as u64, "project"),
    }
}

fn is_there(project: &str) -> bool {
    fs::is_file(Path::new(project))
}

fn details(space: &Space) -> Vec<String> {
    let project = |project: &String| {
        let gone = if is_there(project) { "" } else { " (gone)" };
        format!("    used by {}{gone}", visible(project))
    };
    let path = format!("    {}", visible(&space.path));
    std::iter::once(path).chain(space.parent_projects.iter().map(project)).collect()
}
