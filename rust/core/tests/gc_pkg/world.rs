//! Random depots with all inputs of a collection in all states.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, SystemTime};

use scratchrs_model::clone_name::clone_name;
use scratchrs_model::orphans::Orphans;
use scratchrs_model::slug::Slug;
use scratchrs_model::time::DepotTime;
use uuid::Uuid;

/// The placeholder for the directory of the world in its files.
const ROOT: &str = "@ROOT@";
const PKG: &str = "44cfe95a-1eb2-52ea-b672-e2afdf69b78f";
const PACKAGES: u64 = 5;
const TREES: u64 = 3;
const ARTIFACTS: u64 = 12;
const SOURCES: u64 = 4;
const PROJECTS: u64 = 6;
const OWNERS: u64 = 3;

/// Text that makes a file invalid.
const TAILS: [&str; 3] = ["\nx = = 1\n", "\n[[Broken", "\n\"torn = "];

/// How a peer reads inputs that ScratchRS reads differently, by design.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Dialect {
    /// Julia 1.5: only files that are named `Manifest.toml` are manifests, and of the first format.
    pub(crate) is_first: bool,
    /// Whether all depots are collected.
    pub(crate) force: bool,
    /// Whether the collection has no grace period.
    pub(crate) is_at_once: bool,
}

/// How a world is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum View {
    /// As it is.
    Plain,
    /// Invalid files are replaced by valid ones with the visible references, and the logs of depots
    /// that Pkg ignores are added to the first depot: so Pkg keeps what ScratchRS keeps of the
    /// plain world.
    Healed,
}

/// A root, valid or not.
#[derive(Clone, Debug)]
struct Source {
    plain: String,
    healed: String,
}

/// One or two depots, and projects.
#[derive(Debug, Default)]
pub(crate) struct World {
    /// The names of the depots.
    pub(crate) depots: Vec<&'static str>,
    /// Whether roots can be incomplete.
    has_damage: bool,
    /// The kinds whose items an unreadable root keeps.
    pub(crate) held: BTreeSet<&'static str>,
    /// Links to themselves in the places of roots.
    loops: Vec<String>,
    /// Roots that are too long to be read.
    huge: Vec<String>,
    /// Packages that also exist with a slug of five characters: without a grace period, Pkg treats
    /// their content as a part of the other one.
    pub(crate) shadowed: Vec<String>,
    sources: BTreeMap<String, Source>,
    files: BTreeMap<String, String>,
    directories: BTreeSet<String>,
    old: BTreeSet<String>,
    /// By log, the depot, the key and the record.
    records: Vec<(&'static str, &'static str, String, String)>,
}

/// Pseudo-random numbers, the same for the same seed.
struct Dice(u64);

impl Dice {
    fn pick(&mut self, count: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(0x1405_7B7E_F767_814F);
        (self.0 >> 33) % count
    }

    fn percent(&mut self, percent: u64) -> bool {
        self.pick(100) < percent
    }

    fn of<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.pick(list.len() as u64) as usize]
    }
}

fn package_uuid(package: u64) -> Uuid {
    Uuid::from_u128(0x1234_5678 << 96 | u128::from(package))
}

fn tree(package: u64, tree: u64) -> String {
    format!("{:040x}", 0xabc0_0000 + 16 * package + tree)
}

fn artifact(number: u64) -> String {
    format!("{:040x}", 0xa11f_ac70 + number)
}

fn source(number: u64) -> String {
    format!("https://example.invalid/P{number}.git")
}

/// A record of a log, at a time long ago.
fn record(dice: &mut Dice, more: &str) -> String {
    let (month, day, second) = (1 + dice.pick(12), 1 + dice.pick(28), dice.pick(60));
    format!("{more}time = 2024-{month:02}-{day:02}T10:20:{second:02}.{:03}Z\n", dice.pick(1000))
}

impl World {
    /// Generates a world.
    pub(crate) fn new(seed: u64, now: DepotTime, is_first: bool) -> Self {
        let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0x5DEE_CE66);
        dice.pick(2);
        let mut world = Self { depots: vec!["depot"], ..Self::default() };
        if dice.percent(30) {
            world.depots.push("other");
        }
        world.has_damage = dice.percent(15);
        let packages = world.packages(&mut dice);
        world.artifacts(&mut dice);
        world.clones(&mut dice);
        world.manifests(&mut dice, is_first);
        world.artifact_files(&mut dice, &packages);
        if !is_first {
            world.spaces(&mut dice, &packages);
        }
        world.orphanage(&mut dice, now);
        world
    }

    fn file(&mut self, path: impl Into<String>, text: impl Into<String>) {
        self.files.insert(path.into(), text.into());
    }

    /// Installs packages, and returns their paths.
    fn packages(&mut self, dice: &mut Dice) -> Vec<String> {
        let mut installed = Vec::new();
        for depot in self.depots.clone() {
            for package in 0..PACKAGES {
                for number in 0..TREES {
                    let slug =
                        Slug::of(package_uuid(package), tree(package, number).parse().unwrap());
                    let long = dice.percent(35);
                    let short = dice.percent(15);
                    for (is_there, slug) in [(long, slug.as_str()), (short, slug.legacy())] {
                        if is_there {
                            let path = format!("{depot}/packages/P{package}/{slug}");
                            self.file(format!("{path}/src/P.jl"), "module P end");
                            installed.push(path);
                        }
                    }
                    if long && short {
                        self.shadowed
                            .push(format!("{depot}/packages/P{package}/{}", slug.legacy()));
                    }
                }
                if dice.percent(10) {
                    self.file(format!("{depot}/packages/P{package}/.DS_Store"), "");
                }
                if dice.percent(10) {
                    self.file(format!("{depot}/packages/P{package}/junk/file"), "");
                }
            }
            if dice.percent(20) {
                self.file(format!("{depot}/packages/README"), "a plain file");
            }
            if dice.percent(20) {
                self.directories.insert(format!("{depot}/packages/Empty"));
            }
        }
        installed
    }

    fn artifacts(&mut self, dice: &mut Dice) {
        for depot in self.depots.clone() {
            let mut directories: Vec<String> =
                (0..ARTIFACTS).filter(|_| dice.percent(50)).map(artifact).collect();
            for name in ["jl_a1B2c3", "not-a-hash"] {
                if dice.percent(20) {
                    directories.push(name.to_owned());
                }
            }
            for name in directories {
                self.file(format!("{depot}/artifacts/{name}/share/data"), name);
            }
            if dice.percent(20) {
                self.file(format!("{depot}/artifacts/file"), "");
            }
            if !dice.percent(40) {
                continue;
            }
            let mut overrides = String::from("# none, or some\n");
            for number in 0..3 {
                // Targets come after the redirected artifacts, so that there are no cycles.
                let target = 6 + dice.pick(ARTIFACTS - 6);
                let target = match dice.pick(5) {
                    0 => "/nowhere/at/all".to_owned(),
                    1 => artifact(target),
                    2 => format!("{ROOT}/{depot}/artifacts/{}", artifact(target)),
                    _ => continue,
                };
                overrides += &format!("{} = \"{target}\"\n", artifact(number));
            }
            self.file(format!("{depot}/artifacts/Overrides.toml"), overrides);
        }
    }

    fn clones(&mut self, dice: &mut Dice) {
        for depot in self.depots.clone() {
            let mut names: Vec<String> = Vec::new();
            for number in 0..SOURCES {
                if dice.percent(50) {
                    let name = clone_name(&source(number));
                    let config = format!("[remote \"origin\"]\n\turl = {}\n", source(number));
                    self.file(format!("{depot}/clones/{name}/config"), config);
                }
            }
            for name in [package_uuid(1).to_string(), "junk".to_owned(), "123".to_owned()] {
                if dice.percent(20) {
                    names.push(name);
                }
            }
            for name in names {
                self.file(format!("{depot}/clones/{name}/config"), "");
            }
            if dice.percent(20) {
                self.file(format!("{depot}/clones/file"), "");
            }
        }
    }

    /// Logs a record, mostly once, in one depot or in several.
    fn log(&mut self, dice: &mut Dice, log: &'static str, key: &str, more: &str) {
        for _ in 0..1 + dice.pick(3) {
            let depot = dice.of(&self.depots);
            self.records.push((log, depot, key.to_owned(), record(dice, more)));
        }
    }

    /// Writes a root in one of many states, and logs it.
    fn root(
        &mut self,
        dice: &mut Dice,
        log: &'static str,
        path: &str,
        source: Source,
        kinds: &[&'static str],
        is_torn: bool,
    ) {
        if !dice.percent(15) {
            self.log(dice, log, &format!("{ROOT}/{path}"), "");
        }
        let is_logged = self.records.iter().any(|(_, _, key, _)| *key == format!("{ROOT}/{path}"));
        match dice.pick(100) {
            // It is missing.
            0..12 => return,
            26 => {
                self.loops.push(path.to_owned());
                return;
            }
            27 if is_logged && dice.percent(12) => {
                self.huge.push(path.to_owned());
                self.held.extend(kinds);
                return;
            }
            _ => {}
        }
        if is_torn && is_logged {
            self.held.extend(kinds);
        }
        self.sources.insert(path.to_owned(), source);
    }

    fn manifests(&mut self, dice: &mut Dice, is_first: bool) {
        for number in 0..PROJECTS {
            let is_torn = self.has_damage && dice.percent(40);
            let is_second = dice.percent(50);
            let (mut first, mut second) = (
                String::from("# Pkg begins each so\n"),
                String::from("manifest_format = \"2.0\"\n"),
            );
            for package in 0..PACKAGES {
                let (uuid, hash) = (package_uuid(package), tree(package, dice.pick(TREES)));
                let mut entry = format!("uuid = \"{uuid}\"\n");
                match dice.pick(10) {
                    0..4 => continue,
                    // The line of its tree may be among the lost ones.
                    4 | 5 if is_torn => continue,
                    4 => entry += "path = \"dev/P\"\n",
                    5 => {}
                    6 | 7 => {
                        let url = source(dice.pick(SOURCES));
                        entry += &format!(
                            "git-tree-sha1 = \"{hash}\"\nrepo-rev = \"main\"\nrepo-url = \"{url}\"\n"
                        );
                    }
                    _ => entry += &format!("git-tree-sha1 = \"{hash}\"\n"),
                }
                entry += "version = \"1.2.3\"\n";
                first += &format!("\n[[P{package}]]\n{entry}");
                second += &format!("\n[[deps.P{package}]]\n{entry}");
            }
            let name = match dice.pick(10) {
                0 | 1 if !is_first => "Manifest-v1.11.toml",
                2 => "JuliaManifest.toml",
                _ => "Manifest.toml",
            };
            // Julia 1.5 ignores the second format.
            let mut plain = if is_second { second } else { first.clone() };
            let healed = if is_first { first } else { plain.clone() };
            if is_torn {
                plain += dice.of(&TAILS);
            }
            let path = format!("work/{number}/{name}");
            let kinds = ["packages", "clones"];
            let source = Source { plain, healed };
            self.root(dice, "manifest", &path, source, &kinds, is_torn);
        }
    }

    fn artifact_files(&mut self, dice: &mut Dice, packages: &[String]) {
        let inside = packages.iter().map(|package| format!("{package}/Artifacts.toml"));
        let paths =
            inside.chain((0..PROJECTS).map(|number| format!("work/{number}/Artifacts.toml")));
        for path in paths.collect::<Vec<_>>() {
            if dice.percent(40) {
                continue;
            }
            let mut healed = String::new();
            for number in 0..1 + dice.pick(3) {
                let hash = artifact(dice.pick(ARTIFACTS));
                let hash = if dice.percent(10) { hash.to_uppercase() } else { hash };
                let tree = format!("git-tree-sha1 = \"{hash}\"\n");
                let download = format!(
                    "\n    [[a{number}.download]]\n    sha256 = \"{}\"\n    url = \"https://example.invalid/a\"\n",
                    "0".repeat(64)
                );
                healed += &match dice.pick(4) {
                    0 => format!("[a{number}]\n{tree}"),
                    1 => format!("[a{number}]\n{tree}lazy = true\n{download}"),
                    _ => {
                        let other = artifact(dice.pick(ARTIFACTS));
                        format!(
                            "[[a{number}]]\narch = \"x86_64\"\n{tree}lazy = true\nos = \"linux\"\n{download}\n\
                             [[a{number}]]\narch = \"aarch64\"\ngit-tree-sha1 = \"{other}\"\nos = \"macos\"\n"
                        )
                    }
                };
            }
            let mut plain = healed.clone();
            let damage = if self.has_damage { dice.pick(50) } else { 50 };
            match damage {
                // The whole collection of Pkg fails.
                0..3 => {
                    plain += dice.of(&["[b]\nlazy = true\n", "[b]\ngit-tree-sha1 = \"no hash\"\n"]);
                }
                3..15 => plain += dice.of(&TAILS),
                _ => {}
            }
            let source = Source { plain, healed };
            self.root(dice, "artifact", &path, source, &["artifacts"], damage < 15);
        }
    }

    fn spaces(&mut self, dice: &mut Dice, packages: &[String]) {
        let mut projects: Vec<String> =
            packages.iter().map(|package| format!("{package}/Project.toml")).collect();
        projects.extend((0..PROJECTS).map(|number| format!("work/{number}/Project.toml")));
        for project in &projects {
            if dice.percent(75) {
                self.file(project.clone(), "");
            }
        }
        for depot in self.depots.clone() {
            for owner in 0..OWNERS {
                for key in ["cache", "data-1.2", "x"] {
                    let space = format!("{depot}/scratchspaces/{}/{key}", package_uuid(owner));
                    match dice.pick(4) {
                        0 => continue,
                        // Logged, and missing.
                        1 if dice.percent(50) => {}
                        _ => self.file(format!("{space}/sub/file"), "data"),
                    }
                    if dice.percent(25) {
                        continue;
                    }
                    let key = match dice.pick(12) {
                        0 => format!("{ROOT}/{space}/sub"),
                        _ => format!("{ROOT}/{space}"),
                    };
                    for _ in 0..1 + dice.pick(2) {
                        let parents: Vec<String> = (0..dice.pick(3))
                            .map(|_| {
                                format!(
                                    "\"{ROOT}/{}\"",
                                    projects[dice.pick(projects.len() as u64) as usize]
                                )
                            })
                            .collect();
                        let parents = format!("parent_projects = [{}]\n", parents.join(", "));
                        self.log(dice, "scratch", &key, &parents);
                    }
                }
                if dice.percent(10) {
                    let name = format!("{depot}/scratchspaces/{}/file", package_uuid(owner));
                    self.file(name, "");
                }
            }
            for name in ["suspend_cache_1", "pending_cache_2", "suspended", "suspend_cache_3"] {
                let path = format!("{depot}/scratchspaces/{PKG}/{name}");
                if dice.percent(20) {
                    self.file(path.clone(), "");
                    if dice.percent(60) {
                        self.old.insert(path);
                    }
                }
            }
        }
    }

    /// The times of some orphans.
    fn orphanage(&mut self, dice: &mut Dice, now: DepotTime) {
        for depot in self.depots.clone() {
            let mut known = BTreeSet::new();
            for path in self.files.keys().filter(|path| path.starts_with(depot)) {
                let names: Vec<&str> = path.split('/').collect();
                let depth = match names[1] {
                    "packages" | "scratchspaces" => 4,
                    _ => 3,
                };
                if dice.percent(25) {
                    known.insert(names[..depth.min(names.len())].join("/"));
                }
            }
            let mut orphans = Orphans::default();
            for path in known {
                let days = dice.of(&[1000, 8, 3, 0]);
                let since = now.after(-chrono::TimeDelta::days(days) - chrono::TimeDelta::hours(2));
                orphans.0.insert(format!("{ROOT}/{path}"), since);
            }
            match dice.pick(10) {
                0..3 => {}
                3 => self.file(format!("{depot}/logs/orphaned.toml"), "= torn\0"),
                _ => self.file(format!("{depot}/logs/orphaned.toml"), orphans.to_text()),
            }
        }
    }

    /// Whether Pkg and ScratchRS read it alike.
    pub(crate) fn is_plain(&self, dialect: Dialect) -> bool {
        let is_whole = self.sources.values().all(|source| source.plain == source.healed);
        let is_known = dialect.force || self.depots.len() == 1;
        let is_clear = self.shadowed.is_empty() || !dialect.is_at_once;
        is_whole && is_known && is_clear && self.held.is_empty()
    }

    /// Writes it into a directory.
    pub(crate) fn write(&self, root: &Path, view: View, dialect: Dialect) {
        let text_of = |text: &str| text.replace(ROOT, root.to_str().unwrap());
        let is_hidden = |path: &str| {
            let is_below = |package: &String| path.starts_with(&format!("{package}/"));
            let in_first = path.starts_with("depot/");
            view == View::Healed
                && dialect.is_at_once
                && (dialect.force || in_first)
                && self.shadowed.iter().any(is_below)
        };
        let put = |path: &str, text: &str| {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text_of(text)).unwrap();
        };
        for (path, text) in self.files.iter().filter(|(path, _)| !is_hidden(path)) {
            put(path, text);
        }
        for (path, source) in self.sources.iter().filter(|(path, _)| !is_hidden(path)) {
            put(path, if view == View::Plain { &source.plain } else { &source.healed });
        }
        let mut logs: BTreeMap<String, BTreeMap<&str, Vec<&str>>> = BTreeMap::new();
        for (log, depot, key, record) in &self.records {
            let depots = match view {
                View::Healed if !dialect.force => vec!["depot"],
                _ => vec![*depot],
            };
            for depot in depots {
                let log = logs.entry(format!("{depot}/logs/{log}_usage.toml")).or_default();
                log.entry(key).or_default().push(record);
            }
        }
        for (path, keys) in logs {
            let records = keys.iter().flat_map(|(key, records)| {
                records.iter().map(move |record| format!("[[\"{key}\"]]\n{record}"))
            });
            put(&path, &records.collect::<String>());
        }
        for path in &self.directories {
            fs::create_dir_all(root.join(path)).unwrap();
        }
        for path in &self.loops {
            fs::create_dir_all(root.join(path).parent().unwrap()).unwrap();
            let name = Path::new(path).file_name().unwrap();
            std::os::unix::fs::symlink(name, root.join(path)).unwrap();
        }
        for path in &self.huge {
            put(path, "");
            if view == View::Healed {
                continue;
            }
            let file = File::options().write(true).open(root.join(path)).unwrap();
            file.set_len(257 << 20).unwrap();
        }
        for path in &self.old {
            let file = File::options().write(true).open(root.join(path)).unwrap();
            #[expect(clippy::disallowed_methods, reason = "the files of the test are made now")]
            let now = SystemTime::now();
            file.set_modified(now - Duration::from_secs(48 * 60 * 60)).unwrap();
        }
    }
}
