//! The unused contents with their times, in `logs/my_artifact_orphanages.toml`, which is read as
//! [`Orphans`].
//!
//! The rules are those of `find_orphanages` of OhMyArtifacts.jl.

use chrono::TimeDelta;

use crate::orphans::Orphans;
use crate::time::DepotTime;

/// The states of the orphans that were found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settled {
    /// Those that are not deletable yet.
    pub waiting: Orphans,
    /// Those that are deletable, and since when they are orphans.
    pub due: Vec<(String, DepotTime)>,
}

/// Decides about the orphans in `found`, each with the time from which it waits if it is not in
/// `before`.
///
/// An orphan that is not found again is not an orphan any more. The earlier time counts.
pub fn settle(
    before: &Orphans,
    found: impl IntoIterator<Item = (String, DepotTime)>,
    now: DepotTime,
    delay: TimeDelta,
) -> Settled {
    let mut settled = Settled::default();
    for (path, since) in found {
        let since = before.0.get(&path).copied().unwrap_or(since);
        if now.local() - since.local() >= delay {
            settled.due.push((path, since));
        } else {
            settled.waiting.0.insert(path, since);
        }
    }
    settled
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> DepotTime {
        DepotTime::from_toml(&text.parse().unwrap()).unwrap()
    }

    #[test]
    fn an_orphan_waits_from_when_it_was_first_found() {
        let monday = time("2024-01-01T12:00:00Z");
        let sunday = time("2024-01-07T12:00:00Z");
        let next_monday = time("2024-01-08T12:00:00Z");
        let week = TimeDelta::days(7);
        let found = |since| [("/a".to_owned(), since)];
        let first = settle(&Orphans::default(), found(monday), monday, week);
        assert_eq!((first.waiting.0.get("/a"), first.due.len()), (Some(&monday), 0));
        let again = settle(&first.waiting, found(sunday), sunday, week);
        assert_eq!(again.waiting, first.waiting);
        let last = settle(&again.waiting, found(next_monday), next_monday, week);
        assert_eq!(last.due, [("/a".to_owned(), monday)]);
        assert_eq!(last.waiting, Orphans::default());
        // It was bound in between, so the delay begins again.
        assert_eq!(settle(&again.waiting, [], sunday, week).waiting, Orphans::default());
    }

    #[test]
    fn without_delay_all_go_at_once() {
        let now = time("2024-01-01T12:00:00Z");
        let found = [("/a".to_owned(), now)];
        let settled = settle(&Orphans::default(), found, now, TimeDelta::zero());
        assert_eq!(settled.due.len(), 1);
    }
}
