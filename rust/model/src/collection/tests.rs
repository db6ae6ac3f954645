use std::sync::Arc;

use super::*;
use crate::aliases::PathAliases;
use crate::artifacts_toml::NamedHashes;
use crate::artifacts_toml::named_hashes;
use crate::clone_name::clone_name;
use crate::depot_path::DepotPath;
use crate::diagnostic::Diagnostic;
use crate::hash::TreeHash;
use crate::manifest::{Manifest, Package};
use crate::overrides::{Overrides, Target};
use crate::slug::Slug;
use proptest::prelude::*;
use uuid::Uuid;

const NOW: &str = "2026-11-21T12:00:00Z";

fn time(text: &str) -> DepotTime {
    DepotTime::from_toml(&text.parse().unwrap()).unwrap()
}

fn item(kind: Kind, group: &str, name: &str) -> Item {
    let (group, name) = (group.into(), name.into());
    Item { kind, group, name, origin: None, is_file: false }
}

fn tree(digit: u8) -> TreeHash {
    TreeHash([digit; 20])
}

fn uuid(digit: u8) -> Uuid {
    Uuid::from_u128(u128::from(digit))
}

fn slug(package: u8, digit: u8) -> Slug {
    Slug::of(uuid(package), tree(digit))
}

fn package(name: &str, number: u8, digit: u8) -> Package {
    let name = Some(name.into());
    Package { name, uuid: uuid(number), tree: tree(digit), version: None }
}

fn depot(items: Vec<Item>) -> Depot {
    let mut depot = Depot::new(DepotPath::new("/depot"), Vec::new(), true);
    depot.items = items;
    depot
}

fn root<T>(path: &str, content: T) -> Root<T> {
    Root { path: path.to_owned(), last_used: None, content }
}

fn manifest(packages: Vec<Package>) -> Root<Manifest> {
    let packages = packages.into_iter().map(Arc::new).collect();
    root("/work/Manifest.toml", Manifest { packages, ..Manifest::default() })
}

fn bindings(digits: &[u8]) -> NamedHashes {
    let binding =
        |digit: &u8| format!("[name-{digit:02x}]\ngit-tree-sha1 = \"{}\"\n", tree(*digit));
    let text: String = digits.iter().map(binding).collect();
    named_hashes(if text.is_empty() { b"\n" } else { text.as_bytes() }).unwrap().0
}

fn used(path: &str, projects: &[&str]) -> SpaceUse {
    let projects = projects.iter().map(|project| (*project).to_owned()).collect();
    SpaceUse { path: path.to_owned(), last_used: Some(time(NOW)), projects }
}

fn policy(days: i64) -> Policy {
    Policy { collect_delay: TimeDelta::days(days), scratch_cleanup_period: None }
}

fn decide(depot: &Depot, roots: &Roots, policy: &Policy) -> DepotPlan {
    plan(std::slice::from_ref(depot), roots, policy, time(NOW)).remove(0)
}

/// The path of an item in its depot, with slashes.
fn text(item: &Item) -> String {
    item.text(&DepotPath::default()).unwrap().replace(std::path::MAIN_SEPARATOR, "/")
}

/// The paths of deletable items.
fn deletable(depot: &Depot, plan: &DepotPlan) -> Vec<String> {
    let items = depot.items.iter().zip(&plan.decisions);
    let deletable = items.filter(|(_, decision)| matches!(decision.state, State::Deletable(_)));
    deletable.map(|(item, _)| text(item)).collect()
}

#[test]
fn an_orphan_is_deletable_after_its_grace_period() {
    let artifact = tree(1).to_string();
    let mut depot = depot(vec![item(Kind::Artifact, "", &artifact)]);
    let path = depot.items[0].text(&depot.path).unwrap();
    let roots = Roots::default();
    let plan = decide(&depot, &roots, &policy(7));
    let (since, until) = (time(NOW), time("2026-11-28T12:00:00Z"));
    assert_eq!(plan.decisions[0].state, State::Orphaned { since, until });
    assert_eq!(plan.orphans.0.get(&path), Some(&since));
    for (since, goes) in [
        ("2026-11-14T12:00:00Z", true),
        ("2026-11-14T12:00:00.001Z", false),
        // A clock was wrong: the grace period begins now.
        ("2050-01-01T00:00:00Z", false),
    ] {
        depot.orphans.0.insert(path.clone(), time(since));
        let plan = decide(&depot, &roots, &policy(7));
        assert_eq!(!deletable(&depot, &plan).is_empty(), goes, "{since}");
        assert_eq!(plan.orphans.0.get(&path), Some(&time(since).min(time(NOW))));
    }
    let roots = Roots { artifact_files: vec![root("/a", bindings(&[1]))], ..roots };
    let plan = decide(&depot, &roots, &policy(0));
    assert_eq!(plan.decisions[0].referenced_by[..], [Reference::ArtifactFile(0)]);
    assert!(plan.orphans.0.is_empty(), "what is reachable is no orphan");
}

#[test]
fn a_package_is_the_first_of_its_slugs_in_the_stack() {
    let slug = slug(1, 1);
    let (five, four) = (slug.as_str(), slug.legacy());
    let roots = Roots { manifests: vec![manifest(vec![package("A", 1, 1)])], ..Roots::default() };
    let both = depot(vec![item(Kind::Package, "A", five), item(Kind::Package, "A", four)]);
    let gone = deletable(&both, &decide(&both, &roots, &policy(0)));
    assert_eq!(gone, [format!("/packages/A/{four}")]);
    let old = depot(vec![item(Kind::Package, "A", four), item(Kind::Package, "B", five)]);
    let gone = deletable(&old, &decide(&old, &roots, &policy(0)));
    assert_eq!(gone, [format!("/packages/B/{five}")]);
    // The same package in a depot behind: with both swept, the first one is retained.
    let mut behind = both.clone();
    behind.path = DepotPath::new("/other");
    let plans = plan(&[both.clone(), behind.clone()], &roots, &policy(0), time(NOW));
    assert_eq!(deletable(&behind, &plans[1]).len(), 2);
    assert_eq!(deletable(&both, &plans[0]).len(), 1);
}

#[test]
fn a_manifest_with_problems_keeps_by_name_or_by_slug() {
    let slug = slug(1, 1);
    let items = vec![
        item(Kind::Package, "A", slug.as_str()),
        item(Kind::Package, "B", "abcde"),
        item(Kind::Package, "C", "abcde"),
    ];
    let depot = depot(items);
    let nameless = Package { name: None, ..package("", 1, 1) };
    let content = Manifest {
        packages: vec![Arc::new(nameless)],
        any_tree_of: ["B".to_owned()].into(),
        ..Manifest::default()
    };
    let roots = Roots { manifests: vec![root("/m", content)], ..Roots::default() };
    let gone = deletable(&depot, &decide(&depot, &roots, &policy(0)));
    assert_eq!(gone, ["/packages/C/abcde"]);
}

#[test]
fn without_grace_what_only_a_deletable_package_references_is_deletable() {
    let package = "/depot/packages/A/abcd";
    let items = vec![
        item(Kind::Package, "A", "abcd"),
        item(Kind::Artifact, "", &tree(1).to_string()),
        item(Kind::Artifact, "", &tree(2).to_string()),
        item(Kind::Space, "u", "alone"),
        item(Kind::Space, "u", "shared"),
    ];
    let depot = depot(items);
    let project = format!("{package}/Project.toml");
    let roots = Roots {
        artifact_files: vec![
            root(&format!("{package}/Artifacts.toml"), bindings(&[1])),
            // As text, this path begins with the path of the deleted package.
            root(&format!("{package}e/Artifacts.toml"), bindings(&[2])),
        ],
        uses: vec![
            used("/depot/scratchspaces/u/alone", &[&project]),
            used("/depot/scratchspaces/u/shared", &[&project, "/work/Project.toml"]),
        ],
        ..Roots::default()
    };
    let gone = deletable(&depot, &decide(&depot, &roots, &policy(0)));
    let first = format!("/artifacts/{}", tree(1));
    assert_eq!(gone, ["/packages/A/abcd", &first, "/scratchspaces/u/alone"]);
    assert_eq!(deletable(&depot, &decide(&depot, &roots, &policy(7))), [""; 0]);
}

#[test]
fn a_path_that_leaves_a_deletable_package_again_references_what_it_names() {
    let items = vec![
        item(Kind::Package, "A", "abcd"),
        item(Kind::Artifact, "", &tree(1).to_string()),
        item(Kind::Artifact, "", &tree(2).to_string()),
    ];
    let depot = depot(items);
    let roots = Roots {
        artifact_files: vec![
            root("/depot/packages/A/abcd/../../../work/Artifacts.toml", bindings(&[1])),
            root("/depot/packages/A/abcd/./Artifacts.toml", bindings(&[2])),
        ],
        ..Roots::default()
    };
    let gone = deletable(&depot, &decide(&depot, &roots, &policy(0)));
    assert_eq!(gone, ["/packages/A/abcd".to_owned(), format!("/artifacts/{}", tree(2))]);
}

#[test]
fn a_space_is_kept_by_a_project_that_is_there() {
    let depot = depot(vec![item(Kind::Space, "u", "a"), item(Kind::Space, "u", "b")]);
    let roots = Roots {
        uses: vec![
            used("/depot/scratchspaces/u/a", &["/work/Project.toml"]),
            used("/depot/scratchspaces/u/b", &[]),
            used("/depot/scratchspaces/u/b/nested", &["/work/Project.toml"]),
        ],
        ..Roots::default()
    };
    let gone = deletable(&depot, &decide(&depot, &roots, &policy(0)));
    assert_eq!(gone, ["/scratchspaces/u/b"]);
    let unused = Policy { scratch_cleanup_period: Some(TimeDelta::zero()), ..policy(7) };
    let plan = decide(&depot, &roots, &unused);
    assert_eq!(plan.decisions[0].state, State::Deletable(Reason::Unused));
    let recently = Policy { scratch_cleanup_period: Some(TimeDelta::days(30)), ..policy(7) };
    assert_eq!(decide(&depot, &roots, &recently).decisions[0].state, State::Retained);
}

#[test]
fn an_override_keeps_what_it_leads_to() {
    let digits = [1, 2, 3, 4];
    let artifacts = digits.map(|digit| item(Kind::Artifact, "", &tree(digit).to_string()));
    let depot = depot(artifacts.to_vec());
    let mut overrides = Overrides::default();
    let says = [
        (1, "/elsewhere".to_owned()),
        (3, tree(2).to_string()),
        (5, tree(5).to_string()),
        (6, format!("/depot/artifacts/{}", tree(4))),
    ];
    for (digit, target) in says {
        let text = format!("{} = \"{target}\"", tree(digit));
        assert_eq!(overrides.merge(&text), Ok(vec![]));
    }
    let artifact_files = vec![root("/a", bindings(&[1, 2, 3, 5, 6]))];
    let roots = Roots { artifact_files, overrides, ..Roots::default() };
    let gone = deletable(&depot, &decide(&depot, &roots, &policy(0)));
    assert_eq!(gone, [1, 3].map(|digit| format!("/artifacts/{}", tree(digit))));
}

#[test]
fn what_stands_in_the_place_of_a_name_is_kept_beside_it() {
    let artifacts = [1, 2, 3, 4].map(|digit| item(Kind::Artifact, "", &tree(digit).to_string()));
    let depot = depot(artifacts.to_vec());
    let artifact_files = vec![root("/a", bindings(&[1]))];
    let replacements = vec![
        (0, Target::Artifact(tree(2))),
        (0, Target::Path(format!("/depot/artifacts/{}/below", tree(3)))),
    ];
    let roots = Roots { artifact_files, replacements, ..Roots::default() };
    let gone = deletable(&depot, &decide(&depot, &roots, &policy(0)));
    assert_eq!(gone, [format!("/artifacts/{}", tree(4))]);
}

#[test]
fn clones_are_kept_by_name_or_by_origin() {
    let source = "https://example.invalid/A.git";
    let cloned = Item { origin: Some(source.to_owned()), ..item(Kind::Clone, "", "123") };
    let registered = Item { name: uuid(1).to_string().into(), ..item(Kind::Clone, "", "") };
    let named = item(Kind::Clone, "", &clone_name(source));
    let depot = depot(vec![cloned, registered.clone(), named, item(Kind::Clone, "", "124")]);
    let content = Manifest { sources: vec![source.to_owned()], ..Manifest::default() };
    let roots = Roots { manifests: vec![root("/m", content)], ..Roots::default() };
    let gone = deletable(&depot, &decide(&depot, &roots, &policy(0)));
    assert_eq!(gone, [text(&registered), "/clones/124".to_owned()]);
}

#[test]
fn another_path_of_the_same_depot_will_do() {
    let mut depot = depot(vec![item(Kind::Space, "u", "a")]);
    depot.aliases.push(DepotPath::new("/real/depot"));
    let uses = vec![used("/real/depot/scratchspaces/u/a", &["/work/Project.toml"])];
    let roots = Roots { uses, ..Roots::default() };
    assert_eq!(deletable(&depot, &decide(&depot, &roots, &policy(0))), [""; 0]);
}

#[test]
fn what_cannot_be_read_keeps_all_of_its_kind() {
    let depot = depot(vec![
        item(Kind::Package, "A", "abcde"),
        item(Kind::Clone, "", "1"),
        item(Kind::Artifact, "", "x"),
        Item { is_file: true, ..item(Kind::Space, "u", "pending_cache_1") },
    ]);
    let unreadable = Unreadable {
        path: "/m".to_owned(),
        diagnostic: Diagnostic::of_file("permission denied"),
        kinds: vec![Kind::Package, Kind::Clone, Kind::Space],
    };
    let roots = Roots { unreadable: vec![unreadable], ..Roots::default() };
    let plan = decide(&depot, &roots, &policy(0));
    assert_eq!(deletable(&depot, &plan), ["/artifacts/x", "/scratchspaces/u/pending_cache_1"]);
    assert_eq!(plan.decisions[0].referenced_by[..], [Reference::Unreadable(0)]);
}

#[test]
fn eviction_takes_the_least_recently_used_and_unreachable_first() {
    let names = ["a", "b", "c", "d"];
    let mut items: Vec<_> = names.map(|name| item(Kind::Space, "u", name)).into();
    items.push(item(Kind::Package, "A", "abcde"));
    let depot = depot(items);
    let uses = vec![used("/depot/scratchspaces/u/a", &["/work/Project.toml"])];
    let roots = Roots { uses, ..Roots::default() };
    let candidates: Vec<_> = [
        Some("2020-01-01T00:00:00Z"),
        Some("2026-01-01T00:00:00Z"),
        None,
        Some("2025-01-01T00:00:00Z"),
        None,
    ]
    .into_iter()
    .enumerate()
    .map(|(item, last_used)| Candidate {
        item,
        bytes: 10,
        last_used: last_used.map(time),
        is_fixed: false,
    })
    .collect();
    let evicted = |max_size: u64, force: bool| {
        let mut plan = decide(&depot, &roots, &policy(7));
        evict(&depot, &mut plan, &candidates, max_size, force);
        deletable(&depot, &plan)
    };
    let spaces = |names: &[&str]| -> Vec<String> {
        names.iter().map(|name| format!("/scratchspaces/u/{name}")).collect()
    };
    assert_eq!(evicted(50, true), spaces(&[]));
    assert_eq!(evicted(49, false), spaces(&["c"]));
    assert_eq!(evicted(30, false), spaces(&["c", "d"]));
    assert_eq!(evicted(0, false), spaces(&["b", "c", "d"]), "what is reachable stays");
    assert_eq!(evicted(0, true), spaces(&["a", "b", "c", "d"]), "packages stay");
}

/// A depot and roots made of few names, so that much of it belongs together.
fn any_world() -> impl Strategy<Value = (Depot, Roots)> {
    let digit = || 1..4_u8;
    let any_item = prop_oneof![
        (digit(), digit(), any::<bool>()).prop_map(|(number, digit, is_legacy)| {
            let slug = slug(number, digit);
            let name = if is_legacy { slug.legacy() } else { slug.as_str() };
            item(Kind::Package, &format!("P{number}"), name)
        }),
        digit().prop_map(|digit| item(Kind::Artifact, "", &tree(digit).to_string())),
        digit().prop_map(|digit| item(Kind::Clone, "", &clone_name(&digit.to_string()))),
        digit().prop_map(|digit| item(Kind::Space, "u", &digit.to_string())),
    ];
    let any_manifest = (prop::collection::vec((digit(), digit()), 0..3), digit()).prop_map(
        |(packages, source)| {
            let package = |(number, digit)| package(&format!("P{number}"), number, digit);
            let packages = packages.into_iter().map(package).map(Arc::new).collect();
            let sources = vec![source.to_string()];
            root("/m", Manifest { packages, sources, ..Manifest::default() })
        },
    );
    let any_file = || {
        (digit(), digit(), any::<bool>()).prop_map(|(number, digit, is_outside)| {
            let slug = slug(number, digit);
            match is_outside {
                true => "/work/X.toml".to_owned(),
                false => format!("/depot/packages/P{number}/{}/X.toml", slug.as_str()),
            }
        })
    };
    let any_artifacts = (any_file(), prop::collection::vec(digit(), 0..3))
        .prop_map(|(path, digits)| root(&path, bindings(&digits)));
    let any_use =
        (digit(), prop::collection::vec(any_file(), 0..3)).prop_map(|(digit, projects)| SpaceUse {
            path: format!("/depot/scratchspaces/u/{digit}"),
            last_used: Some(time(NOW)),
            projects,
        });
    let roots = (
        prop::collection::vec(any_manifest, 0..4),
        prop::collection::vec(any_artifacts, 0..4),
        prop::collection::vec(any_use, 0..4),
    )
        .prop_map(|(manifests, artifact_files, uses)| Roots {
            manifests,
            artifact_files,
            uses,
            ..Roots::default()
        });
    let depot = prop::collection::vec(any_item, 0..12).prop_map(|mut items| {
        items.sort_by_key(|item| item.text(&DepotPath::default()));
        items.dedup();
        depot(items)
    });
    (depot, roots)
}

/// The same roots, with other paths for those of `is_aliased` that lead to the same.
fn with_aliases(mut roots: Roots, is_aliased: &[bool], sources: bool) -> Roots {
    let mut is_aliased = is_aliased.iter().copied().cycle();
    let mut aliases = PathAliases::default();
    let mut with_aliases = |path: &mut String| {
        if is_aliased.next() == Some(true) {
            let other = format!("/net{path}");
            aliases.insert(&other, std::mem::replace(path, other.clone()));
        }
    };
    for file in &mut roots.artifact_files {
        with_aliases(&mut file.path);
    }
    for space in &mut roots.uses {
        with_aliases(&mut space.path);
        space.projects.iter_mut().for_each(&mut with_aliases);
    }
    let manifests = roots.manifests.iter_mut().filter(|_| sources);
    for source in manifests.flat_map(|manifest| &mut manifest.content.sources) {
        let other = format!("/repositories/{source}");
        aliases.insert(&other, std::mem::replace(source, other.clone()));
    }
    roots.aliases = aliases;
    roots
}

proptest! {
    #[test]
    fn another_path_of_a_file_changes_nothing(
        (depot, roots) in any_world(),
        is_aliased in prop::collection::vec(any::<bool>(), 1..20),
        sources: bool,
        days in 0..2_i64,
    ) {
        let before = decide(&depot, &roots, &policy(days));
        let after = decide(&depot, &with_aliases(roots, &is_aliased, sources), &policy(days));
        prop_assert_eq!(before, after);
    }

    #[test]
    fn a_link_that_is_kept_keeps_what_it_leads_to(
        (depot, roots) in any_world(),
        links in prop::collection::vec((0..12_usize, 0..12_usize), 0..6),
        days in 0..2_i64,
    ) {
        let is_there = |(a, b): &(usize, usize)| a.max(b) < &depot.items.len();
        let links: Vec<_> = links.into_iter().filter(is_there).collect();
        let positions = links.iter().map(|(link, target)| ((0, *link), (0, *target)));
        let roots = Roots { links: positions.collect(), ..roots };
        let plan = decide(&depot, &roots, &policy(days));
        for (link, target) in links {
            let referenced_by = &plan.decisions[target].referenced_by;
            prop_assert!(plan.decisions[link].referenced_by.iter().all(|k| referenced_by.contains(k)));
        }
    }

    #[test]
    fn what_is_kept_does_not_go((depot, roots) in any_world(), days in 0..2_i64) {
        let plan = decide(&depot, &roots, &policy(days));
        for decision in &plan.decisions {
            prop_assert_eq!(decision.state == State::Retained, !decision.referenced_by.is_empty());
        }
    }

    #[test]
    fn more_roots_keep_more(
        (depot, roots) in any_world(),
        (_, more) in any_world(),
        days in 0..2_i64,
        unreadable in prop::sample::subsequence(KINDS.to_vec(), 0..4),
    ) {
        let before = deletable(&depot, &decide(&depot, &roots, &policy(days)));
        let mut roots = roots;
        roots.manifests.extend(more.manifests);
        roots.artifact_files.extend(more.artifact_files);
        // More uses of a space can only name more projects.
        roots.uses.extend(more.uses);
        let diagnostic = Diagnostic::of_file("");
        roots.unreadable.push(Unreadable { path: String::new(), diagnostic, kinds: unreadable });
        let after = deletable(&depot, &decide(&depot, &roots, &policy(days)));
        prop_assert!(after.iter().all(|path| before.contains(path)), "{:?} {:?}", before, after);
    }
}
