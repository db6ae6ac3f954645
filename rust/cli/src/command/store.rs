//! `scratchrs store`: files and trees that are made at run time, kept once, by content.

mod add;
mod adopt;
mod collect;
mod get;
mod list;
mod remove;
mod verify;

use std::time::Duration;

use scratchrs_core::store::{OpenOptions, Store, open_bindings};

use super::path::record;
use crate::failure::Result;
use crate::namespace::{self, Namespace};
use crate::session::{Session, place};

const AFTER_HELP: &str = "\
Examples:
  scratchrs store add iris/ iris       a copy of a directory gets a name
  scratchrs store get iris             where it is
  scratchrs store list                 what is bound, and what sharing saves
  scratchrs store verify               whether all of it is what it should be
  scratchrs store remove iris          the name goes, and the content with the next collection

The store is that of the package ScratchRS: what `create_my_artifact` makes in Julia is in it.

With --json: {\"notes\": [\"…\"], …}; each command's help says what else.";

/// For how long others may hold the lock of a store.
const LOCK_TIMEOUT: Duration = Duration::from_secs(30);

/// The store: add, get, list and verify contents that are made at run time
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
    Collect(collect),
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

/// The option that chooses a store to look into.
#[derive(clap::Args)]
#[group(skip)]
struct StoreOption {
    /// The store in this directory, such as that of OhMyArtifacts.jl
    #[arg(long, value_name = "DIRECTORY")]
    store: Option<String>,
}

impl StoreOption {
    /// The store that is given, else that of the depot.
    fn get(&self, session: &Session) -> Result<Store> {
        match &self.store {
            Some(root) => Ok(Store::at(&session.absolute(root)?)),
            None => store(session),
        }
    }
}

/// The options that choose a file of bindings.
#[derive(clap::Args)]
#[group(skip)]
struct Names {
    /// A file of bindings [default: that of the package, or of everybody]
    #[arg(long, value_name = "FILE", conflicts_with_all = ["uuid", "project"])]
    file: Option<String>,

    #[command(flatten)]
    package: namespace::Options,
}

impl Names {
    /// The path of the file of bindings, and whether it is there.
    fn find(&self, session: &mut Session, store: &Store) -> Result<(String, bool)> {
        let file = match &self.file {
            Some(file) => session.absolute(file)?,
            None => store.layout().bindings(self.package.resolve(session)?.owner, None),
        };
        let is_there =
            scratchrs_fs::metadata(file.as_ref()).map_err(scratchrs_core::Error::from)?;
        Ok((file, is_there.is_some_and(|found| found.is_file())))
    }

    /// The store of the depot, and the file of bindings, made unless it is there. The store is there for
    /// as long as the project is on whose behalf it is used; without one, for as long as something is
    /// bound in it.
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
