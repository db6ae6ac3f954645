//! Collections compared with Pkg's: Pkg collects one copy of each of many depots, ScratchRS another
//! one, and the remaining items are the same. Runs with each Julia that the testkit finds.
//!
//! Where ScratchRS keeps more than Pkg, by design, Pkg also collects a third copy without the
//! difference ([`View::Healed`]): the remaining items of that copy are those that ScratchRS keeps
//! of the original.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "what cannot be set up ends the test")]
#![expect(clippy::disallowed_methods, reason = "tests prepare files themselves")]

#[path = "gc_pkg/world.rs"]
mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use chrono::TimeDelta;
use scratchrs_core::gc::{self, Moment, Options};
use scratchrs_fs::Progress;
use scratchrs_model::collection::Policy;
use scratchrs_model::depot_path::DepotPath;
use scratchrs_model::time::DepotTime;
use scratchrs_testkit::{DepotLab, inapplicable, julias, report, skip};
use world::{Dialect, View, World};

/// The number of depots, each with one of the delays.
const WORLDS: u64 = 240;

/// Collects the depots of each line, and reports the result.
const SCRIPT: &str = r#"
using Pkg, Dates, Logging
function collect(delay, force)
    logger = NullLogger()
    with_logger(logger) do
        if VERSION >= v"1.7-"
            Pkg.gc(; collect_delay = delay, force = force, io = devnull)
        else
            Pkg.gc(; collect_delay = delay)
        end
    end
end
# Julia 1.5 talks to the standard output.
answers = open(ARGS[2], "w")
redirect_stdout(open("/dev/null", "w"))
for line in eachline(ARGS[1])
    id, delay, runs, force, stack = split(line, '\t')
    empty!(DEPOT_PATH)
    append!(DEPOT_PATH, String.(split(stack, ':')))
    Pkg.Artifacts.load_overrides(; force = true)
    answer = "done"
    for run in 1:parse(Int, runs)
        try
            collect(Millisecond(parse(Int, delay)), force == "true")
        catch error
            answer = string("gave up: ", first(split(sprint(showerror, error), '\n')))
        end
        # Until the next millisecond but one.
        start = now()
        while now() - start < Millisecond(2) end
    end
    println(answers, id, '\t', answer)
end
close(answers)
"#;

/// A delay in milliseconds, and the number of collections with it.
const DELAYS: [(i64, usize); 3] = [(7 * 24 * 60 * 60 * 1000, 1), (1, 2), (0, 1)];

#[test]
fn the_same_is_left_as_by_pkg() {
    const ABOUT: &str = "collection next to that of Pkg";
    let mut compared = 0;
    for (julia, minor) in julias() {
        match minor {
            5 | 10..=12 => {
                compare(&julia, minor);
                compared += 1;
            }
            // It has no grace period.
            13.. => inapplicable(ABOUT, &format!("Julia 1.{minor} has other rules")),
            _ => inapplicable(ABOUT, &format!("Julia 1.{minor} is neither 1.5 nor 1.10 or later")),
        }
    }
    if compared == 0 {
        skip(ABOUT, "there is no Julia 1.5, 1.10, 1.11 or 1.12");
    }
}

/// A world, with the options of its collection.
struct Case {
    id: String,
    world: World,
    dialect: Dialect,
    delay: i64,
    runs: usize,
}

#[expect(clippy::disallowed_methods, reason = "Pkg reads the clock now")]
fn now() -> DepotTime {
    DepotTime::from_local(chrono::Local::now().naive_local())
}

fn cases(minor: u32) -> Vec<Case> {
    let is_first = minor == 5;
    let now = now();
    let mut cases = Vec::new();
    for seed in 0..WORLDS {
        let (delay, runs) = DELAYS[seed as usize % DELAYS.len()];
        let force = is_first || seed % 2 == 0;
        let dialect = Dialect { is_first, force, is_at_once: delay == 0 };
        let world = World::new(seed, now, is_first);
        cases.push(Case { id: seed.to_string(), world, dialect, delay, runs });
    }
    cases
}

fn compare(julia: &Path, minor: u32) {
    // In memory if possible: these are many files.
    let memory = Path::new("/dev/shm");
    let directory = memory.is_dir().then(|| tempfile::tempdir_in(memory)).and_then(Result::ok);
    let lab = directory.as_ref().map_or_else(DepotLab::new, |memory| DepotLab::at(memory.path()));
    let cases = cases(minor);
    // The names have one length, so that paths have one order.
    let (plain, healed, ours) =
        (lab.root().join("pkg"), lab.root().join("and"), lab.root().join("own"));
    let mut lines = String::new();
    for Case { id, world, dialect, delay, runs } in &cases {
        let mut line = |root: &Path, view: View| {
            world.write(root, view, *dialect);
            let depots: Vec<_> =
                world.depots.iter().map(|depot| format!("{}/{depot}", root.display())).collect();
            let (force, depots) = (dialect.force, depots.join(":"));
            let view = if view == View::Plain { "plain" } else { "healed" };
            lines += &format!("{id} {view}\t{delay}\t{runs}\t{force}\t{depots}\n");
        };
        line(&plain.join(id), View::Plain);
        if !world.is_plain(*dialect) {
            line(&healed.join(id), View::Healed);
        }
        world.write(&ours.join(id), View::Plain, *dialect);
    }
    let answers = collect_with_pkg(&lab, julia, &lines);
    let mut differences = Vec::new();
    let mut tally = Tally::default();
    for case in &cases {
        collect(case, &ours.join(&case.id));
        let roots = [&plain, &healed, &ours].map(|root| root.join(&case.id));
        let answer = |view: &str| answers[&format!("{} {view}", case.id)].as_str();
        if let Err(difference) = check(case, &roots, &answer, &mut tally) {
            differences.push(format!("case {} {:?}: {difference}", case.id, case.dialect));
        }
    }
    let (count, said) =
        (differences.len(), differences.iter().take(12).cloned().collect::<Vec<_>>());
    assert!(count == 0, "Julia 1.{minor}: {count} differences\n{}", said.join("\n"));
    let is_rich = tally.kept > 1000 && tally.gone > 300 && tally.waiting > 300 && tally.held > 0;
    assert!(is_rich, "{tally:?}");
    report(&format!("Julia 1.{minor}: {} collections leave the same: {tally:?}", cases.len()));
}

fn collect_with_pkg(lab: &DepotLab, julia: &Path, lines: &str) -> BTreeMap<String, String> {
    let at = |name: &str| lab.root().join(name).to_str().unwrap().to_owned();
    fs::write(at("lines"), lines).unwrap();
    fs::write(at("script.jl"), SCRIPT).unwrap();
    let output = Command::new(julia)
        .args(["--startup-file=no", &at("script.jl"), &at("lines"), &at("answers")])
        // The packages of Julia are in the bundled depots.
        .env("JULIA_DEPOT_PATH", format!("{}:", at("depot-of-julia")))
        .env("JULIA_PROJECT", at("project"))
        .env("JULIA_PKG_SERVER", "")
        .env_remove("LD_LIBRARY_PATH")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {said}", julia.display());
    let answers = fs::read_to_string(at("answers")).unwrap();
    let answers = answers.lines().map(|line| line.split_once('\t').unwrap());
    answers.map(|(id, answer)| (id.to_owned(), answer.to_owned())).collect()
}

/// Collects the depots in `root`.
fn collect(case: &Case, root: &Path) {
    let depots = case.world.depots.iter().map(|depot| format!("{}/{depot}", root.display()));
    let options = Options {
        depots: depots.map(DepotPath::new).collect(),
        policy: Policy {
            collect_delay: TimeDelta::milliseconds(case.delay),
            scratch_cleanup_period: None,
        },
        all_depots: case.dialect.force,
        evict_in_use: false,
        max_size: None,
        dry_run: false,
        lock_timeout: Duration::from_secs(10),
        ignore_roots: Vec::new(),
    };
    for run in 0..case.runs {
        #[expect(clippy::disallowed_methods, reason = "the files of the test are made now")]
        let clock = SystemTime::now();
        let moment = Moment { now: now().after(TimeDelta::seconds(run as i64)), clock };
        let report = gc::collect(&options, moment, &Progress::default()).unwrap();
        assert!(report.failures.is_empty(), "{}: {:?}", case.id, report.failures);
        assert!(report.spared.is_empty(), "{}: {:?}", case.id, report.spared);
    }
}

/// The number of compared items.
#[derive(Debug, Default)]
struct Tally {
    alike: usize,
    explained: usize,
    held: usize,
    given_up: usize,
    kept: usize,
    gone: usize,
    waiting: usize,
}

type Paths = BTreeSet<String>;

fn check<'a>(
    case: &Case,
    [plain, healed, ours]: &[std::path::PathBuf; 3],
    answer: &dyn Fn(&str) -> &'a str,
    tally: &mut Tally,
) -> Result<(), String> {
    let Case { world, dialect, .. } = case;
    let (left, orphans) = (survivors(ours), orphanages(world, ours));
    let is_plain = world.is_plain(*dialect);
    let gave_up = answer("plain") != "done";
    match gave_up {
        // It may have failed before it removed an item.
        true => tally.given_up += 1,
        false => contains(&left, &survivors(plain)).map_err(|lost| format!("lost {lost}"))?,
    }
    let peer = if is_plain { plain } else { healed };
    let said = answer(if is_plain { "plain" } else { "healed" });
    if said != "done" {
        return Err(format!("Pkg {said}"));
    }
    let (theirs, their_orphans) = (survivors(peer), orphanages(world, peer));
    let is_held = |path: &str| {
        world
            .held
            .iter()
            .any(|kind| path.split('/').nth(1) == Some(kind) || path.contains(&format!("/{kind}/")))
    };
    // Items that Pkg treats as a part of the package beside them are deleted here, too, and were
    // missing for Pkg.
    let is_shadowed = |path: &str| {
        !is_plain
            && dialect.is_at_once
            && world.shadowed.iter().any(|package| path.contains(package.as_str()))
    };
    tally.kept += left.len();
    tally.waiting += orphans.len();
    if world.held.is_empty() {
        let left: Paths = left.into_iter().filter(|path| !is_shadowed(path)).collect();
        let theirs: Paths = theirs.into_iter().filter(|path| !is_shadowed(path)).collect();
        same("survivors", &left, &theirs)?;
        let orphans = orphans.into_iter().filter(|(path, _)| !is_shadowed(path));
        let their_orphans = their_orphans.into_iter().filter(|(path, _)| !is_shadowed(path));
        same_times(&orphans.collect(), &their_orphans.collect())?;
        tally.gone += removed(case, ours);
    } else {
        tally.held += 1;
        contains(&left, &theirs).map_err(|lost| format!("lost {lost}"))?;
        let fresh = ours.with_file_name("fresh");
        world.write(&fresh, View::Plain, *dialect);
        let before: Paths = survivors(&fresh).into_iter().filter(|path| is_held(path)).collect();
        fs::remove_dir_all(&fresh).unwrap();
        // Empty directories of packages are deleted in any case.
        let before = before.into_iter().filter(|path| !path.ends_with("/Empty")).collect();
        contains(&left, &before).map_err(|lost| format!("what was to be held is lost: {lost}"))?;
        if !dialect.is_at_once {
            let others = |paths: Paths| paths.into_iter().filter(|path| !is_held(path)).collect();
            same("survivors of the other kinds", &others(left), &others(theirs))?;
        }
    }
    if is_plain || case.runs == 1 && !gave_up {
        same_logs(case, plain, ours)?;
    } else if dialect.force && world.held.is_empty() && !dialect.is_at_once {
        same_logs(case, healed, ours)?;
    }
    match is_plain {
        true => tally.alike += 1,
        false => tally.explained += 1,
    }
    Ok(())
}

/// The number of orphans of the last run that no longer exist.
fn removed(case: &Case, root: &Path) -> usize {
    let orphans = orphanages(&case.world, root);
    orphans.keys().filter(|path| !root.join(&path[1..]).exists()).count()
}

fn contains(all: &Paths, some: &Paths) -> Result<(), String> {
    let lost: Vec<_> = some.difference(all).cloned().collect();
    if lost.is_empty() { Ok(()) } else { Err(lost.join(", ")) }
}

fn same(what: &str, ours: &Paths, theirs: &Paths) -> Result<(), String> {
    let more: Vec<_> = ours.difference(theirs).collect();
    let less: Vec<_> = theirs.difference(ours).collect();
    match more.is_empty() && less.is_empty() {
        true => Ok(()),
        false => Err(format!("{what}: only ours {more:?}, only Pkg's {less:?}")),
    }
}

/// The paths in the collected directories of the depots.
fn survivors(root: &Path) -> Paths {
    fn add(root: &Path, directory: &Path, paths: &mut Paths) {
        for entry in fs::read_dir(directory).into_iter().flatten() {
            let entry = entry.unwrap();
            let path = entry.path();
            paths.insert(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned());
            if entry.file_type().unwrap().is_dir() {
                add(root, &path, paths);
            }
        }
    }
    let mut paths = Paths::new();
    for depot in ["depot", "other"] {
        for kind in ["packages", "clones", "artifacts", "scratchspaces"] {
            add(root, &root.join(depot).join(kind), &mut paths);
        }
    }
    paths
}

fn table(root: &Path, path: &str) -> Option<toml::Table> {
    let text = fs::read_to_string(root.join(path)).ok()?;
    Some(text.replace(root.to_str().unwrap(), "").parse().unwrap_or_default())
}

fn time(value: &toml::Value) -> DepotTime {
    DepotTime::from_toml(value.as_datetime().unwrap()).unwrap()
}

/// The orphans of the depots with their times.
fn orphanages(world: &World, root: &Path) -> BTreeMap<String, DepotTime> {
    let tables = world.depots.iter().filter_map(|depot| {
        let path = format!("{depot}/logs/orphaned.toml");
        Some(table(root, &path)?.into_iter().map(|(path, since)| (path, time(&since))))
    });
    tables.flatten().collect()
}

/// New times differ between the runs; older ones are unchanged.
fn same_times(
    ours: &BTreeMap<String, DepotTime>,
    theirs: &BTreeMap<String, DepotTime>,
) -> Result<(), String> {
    let paths = |times: &BTreeMap<String, DepotTime>| times.keys().cloned().collect();
    same("orphans", &paths(ours), &paths(theirs))?;
    for (path, since) in ours {
        let difference = since.since(theirs[path]).abs();
        let is_new = now().since(*since) < TimeDelta::hours(1);
        let tolerance = if is_new { TimeDelta::minutes(10) } else { TimeDelta::zero() };
        if difference > tolerance {
            return Err(format!("`{path}` is an orphan since {since:?}, not {:?}", theirs[path]));
        }
    }
    Ok(())
}

/// The records of the logs are the same, except for the order of projects.
fn same_logs(case: &Case, theirs: &Path, ours: &Path) -> Result<(), String> {
    for depot in &case.world.depots {
        for log in ["manifest", "artifact", "scratch"] {
            let path = format!("{depot}/logs/{log}_usage.toml");
            if log == "scratch" && case.dialect.is_first {
                continue;
            }
            let [theirs, ours] = [theirs, ours].map(|root| {
                let mut table = table(root, &path).unwrap_or_default();
                let records = table.iter_mut().map(|(_, records)| records.as_array_mut().unwrap());
                for record in records.flatten() {
                    let parents = record.get_mut("parent_projects");
                    if let Some(toml::Value::Array(parents)) = parents {
                        parents.sort_by(|a, b| a.as_str().cmp(&b.as_str()));
                    }
                }
                table
            });
            if ours != theirs {
                let keys = |table: &toml::Table| table.keys().cloned().collect::<Paths>();
                same(&format!("keys of {path}"), &keys(&ours), &keys(&theirs))?;
                let differing = ours.iter().find(|(key, value)| theirs[*key] != **value).unwrap();
                return Err(format!("{path}: {differing:?}, not {:?}", theirs[differing.0]));
            }
        }
    }
    Ok(())
}
