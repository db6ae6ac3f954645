//! Collection of a depot: deletes unreachable items, as `Pkg.gc` does, and nothing else.
//!
//! [`collect`] takes an inventory of the depots, finds what the roots in their logs reference, and lets
//! [`scratchrs_model::collection::plan`] decide. A dry run ends there. Only `sweep` deletes.
//!
//! # Locking
//!
//! The locks of the three usage logs, in the order of `mark::LOGS`, of one depot after the other,
//! while items are renamed to be deleted. Under the locks, roots and logs are read again: a process that
//! logs a use under them, as Pkg since 1.9 and ScratchRS, does so before that or after the rename. A
//! process that logs without them is noticed by the change of the log, up to the very rename.
//! An artifact, a package or a space is renamed under its own lock, `<name>.pid` or
//! `<key>@generating.pid`; one whose lock another process holds is left alone. An artifact that was
//! created, installed or found in the last ten minutes is left alone too.
//!
//! # Crash
//!
//! Logs and `orphaned.toml` are replaced, each in one step. An item is renamed before its
//! files are deleted: it exists as a whole, or not. A killed process leaves `<name>@removing-<process>-<count>` and its locks;
//! the next collection deletes the one and breaks the others.

mod explain;
mod ignored;
mod inventory;
mod mark;
mod read_only;
mod report;
mod spared;
mod spelling;
mod status;
mod store;
mod sweep;

use std::collections::HashMap;
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use scratchrs_fs::{self as fs, Mounts, Progress, Size};
use scratchrs_model::collection::{
    self, Candidate, Decision, Depot, DepotPlan, Item, Policy, Reference, State,
};
use scratchrs_model::time::DepotTime;
use uuid::Uuid;

use crate::error::Result;
use ignored::Ignored;
use inventory::Inventory;
use mark::Marks;

pub use explain::why;
pub use report::{
    Category, Cause, CauseKind, Entry, Explained, Explanation, Failure, Gone, Note, Problem,
    Report, Share, Standing, Status, StoreShare, Waiting,
};
pub use status::status;

/// What a collection is to do.
#[derive(Clone, Debug)]
pub struct Options {
    /// The depot stack. Items of the first depot are deleted; the roots are those of the logs of all.
    pub depots: Vec<String>,
    /// When items become deletable.
    pub policy: Policy,
    /// Whether items of all depots are deleted, and evicted although they are referenced. A read-only depot
    /// behind the first is left out.
    pub force: bool,
    /// How many bytes the packages, clones, artifacts and spaces of a depot may have together. The
    /// store counts, but is not evicted while it is in use.
    pub max_size: Option<u64>,
    /// Whether nothing is to be touched.
    pub dry_run: bool,
    /// For how long to wait for the lock of a log.
    pub lock_timeout: Duration,
    /// Manifests, artifact files, projects and logs that count as missing: what only they reference
    /// is unreachable, and an unreadable one keeps nothing.
    pub ignore_roots: Vec<String>,
}

/// What the clocks show.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// In the logs' own kind of time.
    pub now: DepotTime,
    /// In that of the file system.
    pub clock: SystemTime,
}

/// Collects, or says what a collection would do.
///
/// # Errors
///
/// Unless all depots are swept: if the one that is may not be written to, or another process holds
/// the lock of a log for too long. Items that cannot be deleted are in the report.
pub fn collect(options: &Options, moment: Moment, progress: &Progress) -> Result<Report> {
    let mut world = World::read(options, moment, progress)?;
    world.leave_out_read_only(options, moment);
    let plans = world.decide(options, moment);
    // As they are now: a collection heals logs.
    let mut notes = world.notes();
    notes.sort_by_key(|note| note.problem);
    let mut report = Report { is_dry_run: options.dry_run, notes, ..Report::default() };
    if options.dry_run {
        foresee(&world, &plans, moment, &mut report, progress)?;
    } else {
        sweep::sweep(&mut world, options, moment, &mut report, progress)?;
    }
    world.describe(&plans, &mut report);
    store::collect_stores(options, moment, &mut report, progress)?;
    report.sum_up();
    // Freeing very many small allocations takes time, too.
    fs::join(|| drop(world.inventory), || drop(world.marks));
    Ok(report)
}

/// The depots, and the references to their items.
struct World {
    inventory: Inventory,
    marks: Marks,
    /// How many bytes each item of each depot takes, if the depots are to become smaller. Measured
    /// once, since that takes too long to do under the locks of the logs.
    sizes: Vec<Vec<u64>>,
    /// What is mounted in them.
    mounts: Mounts,
    /// The names of packages by their UUIDs, once they are needed.
    packages: OnceLock<HashMap<Uuid, String>>,
}

impl World {
    fn read(options: &Options, moment: Moment, progress: &Progress) -> Result<Self> {
        progress.begin_counting("Reading depots and manifests");
        let depots = inventory::depots(&options.depots, options.force)?;
        let ignored = Ignored::of(&options.ignore_roots)?;
        // An item that is created in between may seem unreachable: a sweep reads the roots again.
        let (inventory, marks) = fs::join(
            || Inventory::of(depots.clone(), moment.clock),
            || Marks::read(&depots, ignored, moment.clock),
        );
        progress.check()?;
        let sizes = match options.max_size {
            Some(_) => measure(&inventory, progress)?,
            None => Vec::new(),
        };
        let mounts = Mounts::read();
        let mut world = Self { inventory, marks, sizes, mounts, packages: OnceLock::new() };
        world.find_spellings();
        Ok(world)
    }

    /// Reads roots and logs again, where they have changed.
    fn look_again(&mut self, moment: Moment) {
        self.marks.look_again(&self.inventory.depots, moment.clock);
        self.find_spellings();
    }

    fn find_spellings(&mut self) {
        let (spellings, links) = spelling::find(&self.inventory, &self.marks);
        (self.marks.roots.spellings, self.marks.roots.links) = (spellings, links);
    }

    /// Counts something that has gone as nothing.
    fn forget_size(&mut self, (depot, item): (usize, usize)) {
        if let Some(size) = self.sizes.get_mut(depot).and_then(|sizes| sizes.get_mut(item)) {
            *size = 0;
        }
    }

    fn decide(&self, options: &Options, moment: Moment) -> Vec<DepotPlan> {
        let depots = &self.inventory.depots;
        let mut plans = collection::plan(depots, &self.marks.roots, &options.policy, moment.now);
        let stores = self.stores_in_use(&plans, options, moment);
        if let Some(max_size) = options.max_size {
            let measured = depots.iter().zip(&mut plans).zip(&self.sizes).zip(&stores);
            let swept = measured.filter(|(((depot, _), _), _)| depot.is_swept);
            for (((depot, plan), sizes), store) in swept {
                let candidates: Vec<_> = sizes
                    .iter()
                    .enumerate()
                    .map(|(item, &bytes)| {
                        let last_used = self.last_used(&plan.decisions[item]);
                        Candidate { item, bytes, last_used, is_fixed: *store == Some(item) }
                    })
                    .collect();
                collection::evict(depot, plan, &candidates, max_size, options.force);
            }
        }
        for ((depot, plan), store) in depots.iter().zip(&mut plans).zip(stores) {
            let Some(index) = store else { continue };
            plan.decisions[index].state = State::Retained;
            let path = depot.items[index].text(&depot.path);
            path.and_then(|path| plan.orphans.0.remove(&path));
        }
        plans
    }

    /// When the use of something was last logged; or, for an orphan, since when it is one.
    fn last_used(&self, decision: &Decision) -> Option<DepotTime> {
        let roots = &self.marks.roots;
        let time = |reference: &Reference| match reference {
            Reference::Manifest(index) => roots.manifests[*index].last_used,
            Reference::ArtifactFile(index) => roots.artifact_files[*index].last_used,
            Reference::Use(index) => roots.uses[*index].last_used,
            Reference::Unreadable(_) => None,
        };
        match decision.state {
            State::Orphaned { since, .. } => Some(since),
            State::Retained | State::Deletable(_) => {
                decision.referenced_by.iter().filter_map(time).max()
            }
        }
    }

    /// The items of the depots that are swept, with where they are and what becomes of them.
    fn items<'a>(
        &'a self,
        plans: &'a [DepotPlan],
    ) -> impl Iterator<Item = (usize, usize, &'a Item, &'a Decision)> {
        let depots = self.inventory.depots.iter().zip(plans).enumerate();
        depots.filter(|(_, (depot, _))| depot.is_swept).flat_map(|(index, (depot, plan))| {
            let items = depot.items.iter().zip(&plan.decisions).enumerate();
            items.map(move |(item, (found, decision))| (index, item, found, decision))
        })
    }

    fn path(&self, depot: usize, item: &Item) -> String {
        item.path(&self.inventory.depots[depot].path).to_string_lossy().into_owned()
    }

    /// What was come across.
    fn notes(&self) -> Vec<Note> {
        self.inventory.notes.iter().chain(&self.marks.notes).cloned().collect()
    }

    /// Says what there is.
    fn describe(&self, plans: &[DepotPlan], report: &mut Report) {
        let swept = self.inventory.depots.iter().filter(|depot| depot.is_swept);
        report.depots = swept.map(|depot| depot.path.clone()).collect();
        report.manifests = self.marks.roots.manifests.len();
        report.artifact_files = self.marks.roots.artifact_files.len();
        let is_used = |decision: &Decision| {
            decision.referenced_by.iter().any(|reference| matches!(reference, Reference::Use(_)))
        };
        report.spaces = self.items(plans).filter(|(_, _, _, decision)| is_used(decision)).count();
        if !report.is_dry_run {
            let waiting = self.items(plans).filter_map(|(depot, _, item, decision)| {
                let State::Orphaned { since, until } = decision.state else { return None };
                let (kind, size) = (item.kind.into(), Size::default());
                Some(Waiting { kind, path: self.path(depot, item), size, since, until })
            });
            report.waiting = waiting.collect();
        }
    }
}

/// How many bytes each item of each depot takes that is swept.
fn measure(inventory: &Inventory, progress: &Progress) -> Result<Vec<Vec<u64>>> {
    let of_depot = |depot: &Depot| {
        let items = if depot.is_swept { &depot.items[..] } else { &[] };
        progress.expect(items.len() as u64);
        let sizes = fs::parallel_map(items, |item| {
            if progress.check().is_err() {
                return 0;
            }
            progress.advance(1);
            Size::of(&item.path(&depot.path)).bytes
        });
        progress.check()?;
        Ok(sizes)
    };
    progress.begin_counting("Measuring");
    inventory.depots.iter().map(of_depot).collect()
}

/// Says what a collection would do, with the sizes of what it is about.
fn foresee(
    world: &World,
    plans: &[DepotPlan],
    moment: Moment,
    report: &mut Report,
    progress: &Progress,
) -> Result<()> {
    let concerned: Vec<_> = world
        .items(plans)
        .filter(|(_, _, _, decision)| decision.state != State::Retained)
        .map(|(depot, _, item, decision)| (depot, item, decision.state))
        .collect();
    progress.begin_counting("Measuring what can go");
    progress.expect(concerned.len() as u64);
    let found = fs::parallel_map(&concerned, |(depot, item, fate)| {
        if progress.check().is_err() {
            return (Ok(None), Size::default());
        }
        let path = item.path(&world.inventory.depots[*depot].path);
        let why_in_use = match fate {
            State::Deletable(_) => spared::why_in_use(&path, item, &world.mounts, moment),
            State::Retained | State::Orphaned { .. } => Ok(None),
        };
        let size = Size::of(&path);
        progress.advance(1);
        (why_in_use, size)
    });
    progress.check()?;
    for ((depot, item, fate), (why_in_use, size)) in concerned.into_iter().zip(found) {
        let (kind, path) = (item.kind.into(), world.path(depot, item));
        match (fate, why_in_use) {
            (_, Ok(Some(message))) => report.spared.push(Failure { path, message }),
            (_, Err(error)) => report.failures.push(Failure { path, message: error.to_string() }),
            (State::Retained, _) => {}
            (State::Deletable(reason), _) => report.gone.push(Gone { kind, path, size, reason }),
            (State::Orphaned { since, until }, _) => {
                report.waiting.push(Waiting { kind, path, size, since, until });
            }
        }
    }
    Ok(())
}
