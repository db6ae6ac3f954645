//! Scratch spaces, and the generators that fill them.

use scratchrs_core::generation::{self, Begun, Generation};
use scratchrs_core::{Result, project, scratch};
use uuid::Uuid;

use super::tickets::Tickets;
use super::{now, place, system_time};

/// See [`scratch::get`].
///
/// # Errors
///
/// As there.
pub fn get_scratch(depot: &str, directory: &str, owner: Uuid, key: &str) -> Result<String> {
    scratch::get(place(depot, directory), owner, key)
}

/// See [`scratch::delete`].
///
/// # Errors
///
/// As there.
pub fn delete_scratch(depot: &str, directory: &str, owner: Uuid, key: &str) -> Result<()> {
    scratch::delete(place(depot, directory), owner, key)
}

/// See [`scratch::clear`].
///
/// # Errors
///
/// As there.
pub fn clear_scratch(depot: &str, directory: &str, owner: Uuid, all: bool) -> Result<()> {
    scratch::clear(place(depot, directory), (!all).then_some(owner))
}

/// Generations that Julia was told to fill and has not ended yet.
static GENERATIONS: Tickets<Generation> = Tickets::new("generation");

/// See [`generation::begin`].
///
/// # Errors
///
/// As there.
pub fn begin_generation(
    depot: &str,
    directory: &str,
    owner: Uuid,
    key: &str,
    version: &str,
    versioned: bool,
) -> Result<Vec<String>> {
    let version = versioned.then_some(version);
    let now = now();
    Ok(match generation::begin(place(depot, directory), owner, key, version, now)? {
        Begun::Ready(space) => vec!["ready".to_owned(), space],
        Begun::Generate(generation) => {
            let directory = generation.directory().display().to_string();
            let ticket = GENERATIONS.keep(*generation);
            vec!["generate".to_owned(), directory, ticket.to_string()]
        }
        Begun::Busy { holder, started } => {
            let since = started.map(|started| (now.local() - started.local()).num_seconds());
            let pid = holder.pid.map(|pid| pid.to_string()).unwrap_or_default();
            let seconds = since.unwrap_or(0).max(0).to_string();
            vec!["busy".to_owned(), pid, holder.host, seconds]
        }
    })
}

/// See [`Generation::publish`].
///
/// # Errors
///
/// As there.
pub fn publish_generation(ticket: u64) -> Result<String> {
    GENERATIONS.take(ticket)?.publish()
}

/// See [`Generation::abandon`].
///
/// # Errors
///
/// As there.
pub fn abandon_generation(ticket: u64) -> Result<()> {
    GENERATIONS.take(ticket)?.abandon()
}

/// See [`project::uuid`]; nothing for none.
///
/// # Errors
///
/// As there.
pub fn project_uuid(file: &str) -> Result<String> {
    Ok(project::uuid(file, system_time())?.map(|uuid| uuid.to_string()).unwrap_or_default())
}
