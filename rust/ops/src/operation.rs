//! What the operations do: convert, call one capability, convert.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use scratchrs_core::generation::{self, Begun, Generation};
use scratchrs_core::{Error, Place, Result, project, scratch, usage};
use scratchrs_model::time::DepotTime;
use scratchrs_model::usage_log::Skipped;
use uuid::Uuid;

/// For how long an operation that waits does so. The caller can ask again, and see to other
/// things in between.
pub const PATIENCE: Duration = Duration::from_millis(50);

fn place<'a>(depot: &'a str, directory: &'a str) -> Place<'a> {
    Place { depot, directory: (!directory.is_empty()).then_some(directory) }
}

#[expect(clippy::disallowed_methods, reason = "this is the edge where the clock is read")]
fn now() -> DepotTime {
    DepotTime::from_local(chrono::Local::now().naive_local())
}

/// See [`scratch::get`].
///
/// # Errors
///
/// As there.
pub fn get_scratch(depot: &str, directory: &str, owner: Uuid, key: &str) -> Result<String> {
    scratch::get(place(depot, directory), owner, key)
}

/// See [`usage::track`].
///
/// # Errors
///
/// As there.
pub fn track_access(depot: &str, space: &str, project: &str) -> Result<Vec<String>> {
    let tracked = usage::track(place(depot, ""), space, project, now(), PATIENCE)?;
    let mut reply = vec![if tracked.recorded { "recorded" } else { "read-only" }.to_owned()];
    reply.extend(tracked.healed.iter().map(in_words));
    Ok(reply)
}

/// See [`usage::condense`].
///
/// # Errors
///
/// As there.
pub fn condense_usage(depot: &str) -> Result<Vec<String>> {
    let healed = usage::condense(place(depot, ""), now(), PATIENCE)?;
    Ok(healed.iter().map(in_words).collect())
}

fn in_words(skipped: &Skipped) -> String {
    match skipped.line {
        Some(line) => format!("line {line}: {}", skipped.reason),
        None => skipped.reason.clone(),
    }
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
static GENERATIONS: Mutex<Option<HashMap<u64, Generation>>> = Mutex::new(None);
static NEXT_TICKET: AtomicU64 = AtomicU64::new(1);

fn with_generations<T>(act: impl FnOnce(&mut HashMap<u64, Generation>) -> T) -> T {
    let mut generations = GENERATIONS.lock().unwrap_or_else(PoisonError::into_inner);
    act(generations.get_or_insert_with(HashMap::new))
}

fn take_generation(ticket: u64) -> Result<Generation> {
    with_generations(|generations| generations.remove(&ticket)).ok_or_else(|| {
        Error::InvalidInput(format!("no generation has the ticket {ticket}, or it has ended"))
    })
}

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
            let ticket = NEXT_TICKET.fetch_add(1, Ordering::Relaxed);
            with_generations(|generations| generations.insert(ticket, *generation));
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
    take_generation(ticket)?.publish()
}

/// See [`Generation::abandon`].
///
/// # Errors
///
/// As there.
pub fn abandon_generation(ticket: u64) -> Result<()> {
    take_generation(ticket)?.abandon()
}

/// See [`project::uuid`]; nothing for none.
///
/// # Errors
///
/// As there.
pub fn project_uuid(file: &str) -> Result<String> {
    #[expect(clippy::disallowed_methods, reason = "this is the edge where the clock is read")]
    let now = std::time::SystemTime::now();
    Ok(project::uuid(file, now)?.map(|uuid| uuid.to_string()).unwrap_or_default())
}

/// Panics.
///
/// # Errors
///
/// None: it panics.
pub fn panic() -> Result<()> {
    panic!("asked to panic")
}
