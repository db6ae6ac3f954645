use proptest::prelude::*;
use toml::{Table, Value};

use super::*;

const EXAMPLE: &str = "7876af07-990d-54b4-ab0e-23690620f79a";
const TREE: &str = "46e44e869b4d90b96bd8ed1fdcf32244fddfb6cc";

const SECOND_FORMAT: &str = r#"# This file is machine-generated - editing it directly is not advised

julia_version = "1.10.8"
manifest_format = "2.0"
project_hash = "7b9a8ddd8a8d4b7a3b3d7a8f3d2b1c0d9e8f7a6b"

[[deps.Dates]]
deps = ["Printf"]
uuid = "ade2ca70-3891-5945-98fb-dc099432e06a"

[[deps.Example]]
deps = ["Dates"]
git-tree-sha1 = "46e44e869b4d90b96bd8ed1fdcf32244fddfb6cc"
pinned = true
repo-rev = "master"
repo-url = "https://github.com/JuliaLang/Example.jl.git"
uuid = "7876af07-990d-54b4-ab0e-23690620f79a"
version = "0.5.4"

    [deps.Example.extensions]
    AbsentExt = "Absent"
    TwoExt = ["Absent", "Dates"]

    [deps.Example.weakdeps]
    Absent = "11111111-970d-54b4-ab0e-23690620f79a"

[[deps.Printf]]
uuid = "de0858da-6303-5e67-8744-51eddeeeb8d7"

    [deps.Printf.deps]
    Dates = "ade2ca70-3891-5945-98fb-dc099432e06a"
"#;

const FIRST_FORMAT: &str = r#"# This file is machine-generated - editing it directly is not advised

[[Dates]]
uuid = "ade2ca70-3891-5945-98fb-dc099432e06a"

[[Example]]
deps = ["Dates"]
git-tree-sha1 = "46e44e869b4d90b96bd8ed1fdcf32244fddfb6cc"
uuid = "7876af07-990d-54b4-ab0e-23690620f79a"
version = "0.5.4"
"#;

fn read(text: &str) -> Reading<Manifest> {
    ManifestReader::default().read(text.as_bytes())
}

/// The problem of a manifest that is understood.
fn warning(text: &str) -> String {
    read(text).unwrap().1.expect("a warning").to_string()
}

/// Why a manifest is not understood.
fn refusal(text: &str) -> String {
    read(text).expect_err(text).to_string()
}

fn example() -> Arc<Package> {
    Arc::new(Package {
        name: Some("Example".into()),
        uuid: EXAMPLE.parse().unwrap(),
        tree: TREE.parse().unwrap(),
        version: Some("0.5.4".into()),
    })
}

#[test]
fn manifests_share_packages_that_are_the_same_in_all() {
    let mut reader = ManifestReader::default();
    let mut package = |text: &str| reader.read(text.as_bytes()).unwrap().0.packages.remove(0);
    let first = package(SECOND_FORMAT);
    assert!(Arc::ptr_eq(&first, &package(FIRST_FORMAT)));
    for (from, to) in [("0.5.4", "0.5.5"), ("46e4", "46e5"), ("7876", "7877")] {
        let other = package(&FIRST_FORMAT.replace(from, to));
        assert_eq!(other, read(&FIRST_FORMAT.replace(from, to)).unwrap().0.packages[0]);
        assert_ne!(other, first, "{to}");
    }
}

#[test]
fn both_formats_are_read() {
    for text in [SECOND_FORMAT, FIRST_FORMAT, "# nothing\n", "manifest_format = \"2.0\"\n"] {
        assert_eq!(read(text).unwrap().1, None, "{text}");
    }
    assert_eq!(read(FIRST_FORMAT).unwrap().0.packages, [example()]);
    let manifest = read(SECOND_FORMAT).unwrap().0;
    assert_eq!(manifest.packages, [example()]);
    assert_eq!(manifest.sources, ["https://github.com/JuliaLang/Example.jl.git"]);
}

#[test]
fn other_toml_is_read_too() {
    let text = format!(
        "manifest_format = '3.7'\ndeps.Example = [{{ uuid = '{EXAMPLE}', git-tree-sha1 = \
         '{}', version = '0.5.4', other = {{ x = 1 }} }}]\n[registries.General]\nuuid = ''\n",
        TREE.to_uppercase()
    );
    let (manifest, diagnostic) = read(&text).unwrap();
    assert_eq!((manifest.packages, diagnostic), (vec![example()], None));
    // Windows editors.
    for text in [SECOND_FORMAT.replace('\n', "\r\n"), format!("\u{feff}{SECOND_FORMAT}")] {
        assert_eq!(read(&text).unwrap().0.packages, [example()]);
    }
}

#[test]
fn a_package_may_be_called_manifest_format() {
    let text = format!(
        "[[manifest_format]]\nuuid = \"{EXAMPLE}\"\n[[deps]]\nuuid = \"{EXAMPLE}\"\n\
         git-tree-sha1 = \"{TREE}\"\n"
    );
    assert_eq!(read(&text).unwrap().0.packages[0].name.as_deref(), Some("deps"));
}

/// A collection must not accept such a manifest as complete.
#[test]
fn a_manifest_that_pkg_refuses_is_not_understood() {
    let uuid = format!("uuid = \"{EXAMPLE}\"");
    for (entry, reason) in [
        (format!("[[A]]\ngit-tree-sha1 = \"{TREE}\""), "12:1: entry `A`: missing `uuid`"),
        ("[[A]]\nuuid = \"1\"".to_owned(), "13:8: entry `A`: invalid `uuid` `1`"),
        ("[[A]]\nuuid = 1".to_owned(), "13:8: entry `A`: `uuid` has the wrong type"),
        (
            format!("[[A]]\n{uuid}\ngit-tree-sha1 = \"12\""),
            "14:17: entry `A`: invalid `git-tree-sha1` `12`",
        ),
        (
            format!("[[A]]\n{uuid}\ngit-tree-sha1 = 12"),
            "14:17: entry `A`: `git-tree-sha1` has the wrong type",
        ),
        (
            format!("[[A]]\n{uuid}\npinned = \"yes\""),
            "14:10: entry `A`: `pinned` has the wrong type",
        ),
        (format!("[[A]]\n{uuid}\ndeps = 3"), "14:8: entry `A`: `deps` has the wrong type"),
        (format!("[[A]]\n{uuid}\ndeps = [[\"A\"]]"), "14:9: entry `A`: `deps` has the wrong type"),
        (format!("[[A]]\n{uuid}\ndeps = [\"B\"]"), "14:9: `A` depends on `B`, which has no entry"),
        (
            format!("[[A]]\n{uuid}\n[A.deps]\nB = \"1\""),
            "15:5: `A` depends on `B`, which has an invalid UUID",
        ),
        (
            format!("[[A]]\n{uuid}\n[A.deps]\nB = \"7876af07-990d-54b4-ab0e-23690620f79b\""),
            "15:5: `A` depends on `B`, which has no entry",
        ),
        ("[A]".to_owned(), "12:1: `A`: expected an array of tables"),
        ("[[deps.A]]".to_owned(), "12:1: entry `A`: missing `uuid`"),
        ("[deps.A]".to_owned(), "12:1: `A` in `deps`: expected an array of tables"),
        ("torn".to_owned(), "12:5: expected `=`, found newline"),
    ] {
        assert_eq!(refusal(&format!("{FIRST_FORMAT}\n{entry}\n")), reason, "{entry}");
    }
    let text = "julia_version = \"1.6\"\n";
    assert_eq!(refusal(text), "1:17: `julia_version`: expected an array of tables");
    assert_eq!(refusal("manifest_format = \"2.0\"\ndeps = 3\n"), "2:8: `deps`: expected a table");
}

#[test]
fn what_stands_twice_all_counts() {
    let other = "9".repeat(40);
    let text = format!("{FIRST_FORMAT}git-tree-sha1 = \"{other}\"\n");
    let packages = read(&text).unwrap().0.packages;
    assert_eq!((packages.len(), &packages[0]), (2, &example()));
    assert_eq!(warning(&text), "the entry `Example` has more than one UUID or tree");

    let text = format!(
        "{FIRST_FORMAT}[[Example]]\nuuid = \"{}\"\n[[A]]\nuuid = \"{EXAMPLE}\"\ndeps = [\"Example\"]\n",
        EXAMPLE.replace('7', "8")
    );
    assert_eq!(warning(&text), "`A` depends on `Example`, which has several entries");
    assert!(read(&text).unwrap().0.any_tree_of.contains("Example"));

    let text = format!("[[B]]\nuuid = \"{EXAMPLE}\"\n[B.deps]\nA = \"{EXAMPLE}\"\n");
    assert_eq!(warning(&text), "`B` depends on `A`, which has the UUID of `B`");
    assert!(read(&text).unwrap().0.any_tree_of.contains("A"));
}

#[test]
fn entries_in_the_wrong_place_count() {
    let text = SECOND_FORMAT.replace("manifest_format = \"2.0\"\n", "");
    assert_eq!(warning(&text), "`manifest_format` is missing");
    assert_eq!(read(&text).unwrap().0.packages, [example()]);
    let text = format!("manifest_format = \"2.0\"\n{FIRST_FORMAT}");
    assert_eq!(warning(&text), "`Example` is outside of `deps`");
    assert_eq!(read(&text).unwrap().0.packages, [example()]);
    // Features of a later format.
    let text = format!("{SECOND_FORMAT}\n[[later]]\nx = 1\n[other]\ny = {{ z = [] }}\n");
    assert_eq!(read(&text).unwrap().1, None);
}

#[test]
fn each_side_of_a_merge_conflict_counts() {
    let old = "0".repeat(40);
    let conflict = format!(
        "<<<<<<< HEAD\ngit-tree-sha1 = \"{TREE}\"\n||||||| base\ngit-tree-sha1 = \"{}\"\n=======\n\
         git-tree-sha1 = \"{old}\"\n>>>>>>> other\n",
        "1".repeat(40)
    );
    let text = SECOND_FORMAT.replace(&format!("git-tree-sha1 = \"{TREE}\"\n"), &conflict);
    let trees: BTreeSet<String> =
        read(&text).unwrap().0.packages.iter().map(|package| package.tree.to_string()).collect();
    assert_eq!(trees, [TREE.to_owned(), old.clone(), "1".repeat(40)].into());
    let expected = "13: conflict markers of a merge: the references of each side count";
    assert_eq!(warning(&text), expected);
    // A side that is not understood.
    let text = text.replace(&old, "torn");
    assert_eq!(refusal(&text), "18:17: entry `Example`: invalid `git-tree-sha1` `torn`");
    let text = text.replace(">>>>>>> other\n", "");
    assert_eq!(refusal(&text), "13: the conflict that begins here has no end");
}

#[test]
fn what_is_no_manifest_is_not_understood() {
    for bytes in
        [&b""[..], b"\0\0\0\0", b"<!DOCTYPE html>\n<html>", b"{\"deps\": []}", b"\x1f\x8b\x08\0"]
    {
        assert!(ManifestReader::default().read(bytes).is_err(), "{bytes:?}");
    }
    let utf16: Vec<u8> = FIRST_FORMAT.encode_utf16().flat_map(u16::to_be_bytes).collect();
    for bytes in [utf16.clone(), [&[0xfe, 0xff][..], &utf16].concat()] {
        assert!(ManifestReader::default().read(&bytes).is_err());
    }
    assert!(read(&FIRST_FORMAT.replace('\n', "\r")).is_err());
    let latin: Vec<u8> = [FIRST_FORMAT.as_bytes(), b"# caf\xe9\n"].concat();
    assert_eq!(ManifestReader::default().read(&latin).unwrap_err().line, Some(11));
}

/// The references of a text according to a TOML parser.
fn references(text: &str) -> Option<BTreeSet<(String, String)>> {
    let table: Table = text.parse().ok()?;
    let in_deps = table.get("deps").and_then(Value::as_table).into_iter().flatten();
    let text_of = |entry: &Value, key| entry.get(key).and_then(Value::as_str).map(str::to_owned);
    let mut found = BTreeSet::new();
    for (_, entries) in in_deps.chain(&table) {
        for entry in entries.as_array().into_iter().flatten() {
            found.extend(text_of(entry, "repo-url").map(|url| (url, String::new())));
            let tree = text_of(entry, "git-tree-sha1").map(|tree| tree.to_lowercase());
            found.extend(text_of(entry, "uuid").map(|uuid| uuid.to_lowercase()).zip(tree));
        }
    }
    Some(found)
}

/// The references of a valid manifest.
fn kept(manifest: &Manifest) -> BTreeSet<(String, String)> {
    let packages = manifest.packages.iter();
    let trees = packages.map(|package| (package.uuid.to_string(), package.tree.to_string()));
    trees.chain(manifest.sources.iter().map(|url| (url.clone(), String::new()))).collect()
}

/// A damaged manifest is invalid, or all references that are left are read.
fn check(text: &str) {
    let Ok((manifest, _)) = read(text) else { return };
    let kept = kept(&manifest);
    // With a repetition, it is not TOML.
    if let Some(references) = references(text) {
        assert!(kept.is_superset(&references), "{kept:?}\n{references:?}\n{text}");
    }
}

#[test]
fn no_damage_loses_a_reference_in_silence() {
    for text in [FIRST_FORMAT, SECOND_FORMAT] {
        for at in 0..text.len() {
            check(&text[..at]);
            check(&text[at..]);
            for byte in ["", "\0", "\n", "\"", "[", "]", "=", "x", "#", ".", " ", "0", "é"] {
                check(&format!("{}{byte}{}", &text[..at], &text[at + 1..]));
            }
        }
    }
}

#[test]
fn a_text_beyond_measure_is_read() {
    let text = format!("{FIRST_FORMAT}x = '{}'\n", "x".repeat(16 << 20));
    assert_eq!(read(&text).unwrap().0.packages, [example()]);
}

proptest! {
    #[test]
    fn damage_in_one_place_loses_no_reference_in_silence(
        at in any::<prop::sample::Index>(),
        with in prop_oneof![
            "[\\[\\]\"=\\. \n#a-zA-Z]{0,3}",
            Just("\n".to_owned()),
            Just("[[deps.Example]]\n".to_owned()),
            Just("deps = [\"Dates\"]\n".to_owned()),
            Just("    [deps.Example.deps]\n".to_owned()),
            Just(String::new()),
        ],
        length in 0..30_usize,
        first in any::<bool>(),
    ) {
        let text = if first { FIRST_FORMAT } else { SECOND_FORMAT };
        let at = at.index(text.len());
        let end = (at + length).min(text.len());
        let text = format!("{}{with}{}", &text[..at], &text[end..]);
        check(&text);
    }

    #[test]
    fn any_bytes_can_be_read(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = ManifestReader::default().read(&bytes);
    }

    #[test]
    fn any_toml_can_be_read(text in crate::toml_events::pieces()) {
        check(&text);
        check(&format!("{SECOND_FORMAT}{text}"));
        check(&format!("{text}{FIRST_FORMAT}"));
    }
}
