//! Scratch spaces, and the generators that fill them.

use scratchrs_core::generation::{self, Begun, Generation};
use scratchrs_core::{Result, project, scratch};
use scratchrs_model::depot_path::DepotPath;
use uuid::Uuid;

use super::arguments::place;
use super::tickets::Tickets;
use super::{now, system_time};
use crate::replies::Availability;

/// See [`scratch::get`].
///
/// # Errors
///
/// As there.
pub fn get_scratch(depot: &str, directory: Option<&str>, owner: Uuid, key: &str) -> Result<String> {
    scratch::get(place(&DepotPath::new(depot), directory), owner, key)
}

/// See [`scratch::delete`].
///
/// # Errors
///
/// As there.
pub fn delete_scratch(depot: &str, directory: Option<&str>, owner: Uuid, key: &str) -> Result<()> {
    scratch::delete(place(&DepotPath::new(depot), directory), owner, key)
}

/// See [`scratch::clear`].
///
/// # Errors
///
/// As there.
pub fn clear_scratch(depot: &str, directory: Option<&str>, owner: Uuid, all: bool) -> Result<()> {
    scratch::clear(place(&DepotPath::new(depot), directory), (!all).then_some(owner))
}

/// The generations that Julia has begun.
static GENERATIONS: Tickets<Generation> = Tickets::new("generation");

/// See [`generation::begin`].
///
/// # Errors
///
/// As there.
pub fn begin_generation(
    depot: &str,
    directory: Option<&str>,
    owner: Uuid,
    key: &str,
    version: &str,
    versioned: bool,
) -> Result<Availability> {
    let version = versioned.then_some(version);
    let now = now();
    Ok(
        match generation::begin(place(&DepotPath::new(depot), directory), owner, key, version, now)?
        {
            Begun::Ready(space) => Availability::ready(space),
            Begun::Generate(generation) => {
                let path = generation.directory().display().to_string();
                Availability::Begun { path, ticket: GENERATIONS.insert(*generation) }
            }
            Begun::Busy { holder, started } => {
                let seconds = started.map(|started| (now.local() - started.local()).num_seconds());
                Availability::busy(holder, seconds.and_then(|seconds| seconds.try_into().ok()))
            }
        },
    )
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

/// See [`project::uuid`].
///
/// # Errors
///
/// As there.
pub fn project_uuid(file: &str) -> Result<Option<String>> {
    Ok(project::uuid(file, system_time())?.map(|uuid| uuid.to_string()))
}
