//! `scratchrs store`: files and trees that are created at run time, stored by content.

mod add;
mod adopt;
mod get;
mod list;
mod remove;
mod verify;

use std::time::Duration;

use scratchrs_core::store::{OpenOptions, Store, open_bindings};

use super::scratch::path::record;
use crate::failure::Result;
use crate::namespace::{self, Namespace};
use crate::session::{Session, place};

const AFTER_HELP: &str = "\
Examples:
  scratchrs store add iris/ iris       store a copy of a directory, and bind a name to it
  scratchrs store get iris             print its path
  scratchrs store list                 list bound artifacts, and the savings by sharing
  scratchrs store verify               verify all contents
  scratchrs store remove iris          unbind a name; a later `scratchrs gc` deletes the content

This is the store of the package ScratchRS, which `create_my_artifact` uses in Julia.

With --json: {\"notes\": [\"…\"], …}; the help of each command has the other fields.";

/// How long a command waits for the lock of a store.
const LOCK_TIMEOUT: Duration = Duration::from_secs(30);

/// Add, get, list and verify artifacts of the store, which are created at run time
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

subcommands! {
    Add(add),
    Get(get),
    List(list),
    Verify(verify),
    Remove(remove),
    Adopt(adopt),
}

impl Arguments {
    pub(crate) fn run(&self, session: &mut Session) -> Result<()> {
        self.command.run(session)
    }
}

/// The store of the depot.
fn store(session: &Session) -> Result<Store> {
    Ok(Store::of(place(&session.depot()?))?)
}

/// As [`store`], for commands that create nothing: the depot exists.
fn existing_store(session: &Session) -> Result<Store> {
    Ok(Store::of(place(&session.existing_depot()?))?)
}

/// The option for another store.
#[derive(clap::Args)]
#[group(skip)]
struct StoreOption {
    /// The store in this directory, such as that of OhMyArtifacts.jl
    #[arg(long, value_name = "DIRECTORY")]
    store: Option<String>,
}

impl StoreOption {
    /// The given store, else that of the depot.
    fn get(&self, session: &Session) -> Result<Store> {
        match &self.store {
            Some(root) => Ok(Store::at(&session.absolute(root)?)),
            None => existing_store(session),
        }
    }
}

/// The options for a file of bindings.
#[derive(clap::Args)]
#[group(skip)]
struct Names {
    /// A file of bindings [default: that of the package, or the global one]
    #[arg(long, value_name = "FILE", conflicts_with_all = ["uuid", "project"])]
    file: Option<String>,

    #[command(flatten)]
    package: namespace::Options,
}

impl Names {
    /// The path of the file of bindings, and whether it exists.
    fn find(&self, session: &mut Session, store: &Store) -> Result<(String, bool)> {
        let file = match &self.file {
            Some(file) => session.absolute(file)?,
            None => store.layout().bindings(self.package.resolve(session)?.owner, None),
        };
        let found = scratchrs_fs::metadata(file.as_ref()).map_err(scratchrs_core::Error::from)?;
        Ok((file, found.is_some_and(|found| found.is_file())))
    }

    /// The store of the depot, and the file of bindings, which is created if it is missing. The store is kept
    /// while the project exists; without a project, while a name is bound in it.
    fn open(&self, session: &mut Session) -> Result<(Store, String)> {
        let store = store(session)?;
        let Namespace { owner, project, .. } = self.package.resolve(session)?;
        let file = match &self.file {
            Some(file) => session.absolute(file)?,
            None => {
                let tracked = project.as_deref().filter(|_| session.environment.tracks_access);
                let options = OpenOptions { version: None, project: tracked };
                open_bindings(&store, owner, options, session.environment.now, LOCK_TIMEOUT)?.path
            }
        };
        if let Some(project) = &project {
            let depot = session.depot()?;
            record(session, place(&depot), store.root(), project)?;
        }
        Ok((store, file))
    }
}
