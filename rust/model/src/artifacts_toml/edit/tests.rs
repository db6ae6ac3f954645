use std::collections::BTreeMap;

use super::super::{DOWNLOAD, HASH, LAZY, SHA256, SIZE, URL};
use super::*;
use crate::toml_text::{push_key, push_string};
use proptest::prelude::*;
use toml::Value as Toml;

const ONE: &str = "1111111111111111111111111111111111111111";
const TWO: &str = "2222222222222222222222222222222222222222";

fn hash(digit: &str) -> TreeHash {
    digit.repeat(40).parse().unwrap()
}

fn platform(triplet: &str) -> Platform {
    triplet.parse().unwrap()
}

fn plain(text: &str, name: &str, digit: &str) -> String {
    bind(text, name, hash(digit), BindOptions { force: true, ..BindOptions::default() }).unwrap()
}

fn on(text: &str, name: &str, digit: &str, triplet: &str) -> String {
    let platform = platform(triplet);
    let options = BindOptions { platform: Some(&platform), force: true, ..BindOptions::default() };
    bind(text, name, hash(digit), options).unwrap()
}

fn off(text: &str, name: &str) -> String {
    unbind(text, name, None).unwrap().expect("bound")
}

/// Every value of TOML as Julia prints it with `TOML.print(…; sorted = true)`, as far as such
/// files have them: an independent account of the layout.
mod julia {
    use super::*;

    pub(super) fn print(table: &toml::Table) -> String {
        let mut out = String::new();
        print_table(&mut out, table, &mut Vec::new(), 0, true);
        out
    }

    fn is_array_of_tables(value: &Toml) -> bool {
        value.as_array().is_some_and(|array| !array.is_empty() && array.iter().all(Toml::is_table))
    }

    fn print_table(
        out: &mut String,
        table: &toml::Table,
        keys: &mut Vec<String>,
        indent: usize,
        mut first_block: bool,
    ) {
        let sorted: BTreeMap<&String, &Toml> = table.iter().collect();
        let is_tabular = |value: &Toml| value.is_table() || is_array_of_tables(value);
        for (key, value) in sorted.iter().filter(|(_, value)| !is_tabular(value)) {
            out.push_str(&"    ".repeat(indent.saturating_sub(1)));
            push_key(out, key);
            out.push_str(" = ");
            match value {
                Toml::String(text) => push_string(out, text),
                other => out.push_str(&other.to_string()),
            }
            out.push('\n');
            first_block = false;
        }
        for (key, value) in sorted.iter().filter(|(_, value)| is_tabular(value)) {
            let mut path = String::new();
            push_key(&mut path, key);
            keys.push(path);
            let header = keys.join(".");
            if !first_block {
                out.push('\n');
            }
            first_block = false;
            let space = "    ".repeat(indent);
            match value {
                Toml::Table(table) => {
                    out.push_str(&format!("{space}[{header}]\n"));
                    print_table(out, table, keys, indent + 1, true);
                }
                Toml::Array(tables) => {
                    for table in tables.iter().filter_map(Toml::as_table) {
                        out.push_str(&format!("{space}[[{header}]]\n"));
                        print_table(out, table, keys, indent + 1, true);
                    }
                }
                _ => {}
            }
            keys.pop();
        }
    }
}

const DOWNLOADS: usize = 2;

/// One call, as a test makes it.
#[derive(Clone, Debug)]
enum Call {
    Bind {
        name: String,
        digit: String,
        triplet: Option<&'static str>,
        downloads: Option<usize>,
        lazy: bool,
    },
    Unbind {
        name: String,
        triplet: Option<&'static str>,
    },
}

fn any_call() -> impl Strategy<Value = Call> {
    let name = || prop::sample::select(vec!["iris", "tool", "a b", "é", "Zed", ""]);
    let triplet = || {
        prop::option::of(prop::sample::select(vec![
            "x86_64-linux-gnu",
            "x86_64-linux-musl",
            "i686-w64-mingw32",
            "x86_64-linux-gnu-libgfortran5-cxx11-cuda+10.1",
        ]))
    };
    let digit = prop::sample::select(vec!["1", "2", "a"]);
    let bind = (name(), digit, triplet(), prop::option::of(0..=DOWNLOADS), any::<bool>());
    prop_oneof![
        4 => bind.prop_map(|(name, digit, triplet, downloads, lazy)| Call::Bind {
            name: name.to_owned(), digit: digit.to_owned(), triplet, downloads, lazy
        }),
        1 => (name(), triplet())
            .prop_map(|(name, triplet)| Call::Unbind { name: name.to_owned(), triplet }),
    ]
}

fn downloads(count: usize) -> Vec<Download> {
    let download = |number: usize| Download {
        url: format!("https://example.org/{number}?\"q\""),
        sha256: number.to_string().repeat(64).parse().unwrap(),
        size: (number == 1).then_some(17),
    };
    (0..count).map(download).collect()
}

impl Call {
    /// The resulting text of a file.
    fn on_text(&self, text: &str) -> String {
        match self {
            Self::Bind { name, digit, triplet, downloads: count, lazy } => {
                let platform = triplet.map(platform);
                let downloads = count.map(downloads);
                let options = BindOptions {
                    platform: platform.as_ref(),
                    downloads: downloads.as_deref(),
                    lazy: *lazy,
                    force: true,
                };
                bind(text, name, hash(digit), options).unwrap()
            }
            Self::Unbind { name, triplet } => {
                let platform = triplet.map(platform);
                match unbind(text, name, platform.as_ref()) {
                    Ok(changed) => changed.unwrap_or_else(|| text.to_owned()),
                    Err(Refusal::BoundEverywhere(_)) => text.to_owned(),
                    Err(error) => panic!("{error}"),
                }
            }
        }
    }

    /// The resulting values of a file, by the rules of Pkg and our changes of them.
    fn on_values(&self, file: &mut toml::Table) {
        match self {
            Self::Bind { name, digit, triplet, downloads: count, lazy } => {
                let mut meta = toml::Table::new();
                meta.insert(HASH.into(), digit.repeat(40).into());
                if *lazy {
                    meta.insert(LAZY.into(), true.into());
                }
                if let Some(count) = count {
                    let places = downloads(*count).into_iter().map(|download| {
                        let mut place = toml::Table::new();
                        place.insert(URL.into(), download.url.into());
                        place.insert(SHA256.into(), download.sha256.to_string().into());
                        if let Some(size) = download.size {
                            place.insert(SIZE.into(), Toml::Integer(size as i64));
                        }
                        Toml::Table(place)
                    });
                    meta.insert(DOWNLOAD.into(), Toml::Array(places.collect()));
                }
                let Some(triplet) = triplet else {
                    file.insert(name.clone(), Toml::Table(meta));
                    return;
                };
                for (tag, value) in platform(triplet).tags() {
                    meta.insert(tag.to_owned(), value.into());
                }
                let mut elements = match file.remove(name) {
                    Some(Toml::Array(elements)) => elements,
                    _ => Vec::new(),
                };
                elements.retain(|element| !is_for(element, triplet));
                elements.push(Toml::Table(meta));
                file.insert(name.clone(), Toml::Array(elements));
            }
            Self::Unbind { name, triplet: None } => drop(file.remove(name)),
            Self::Unbind { name, triplet: Some(triplet) } => {
                if let Some(Toml::Array(elements)) = file.get_mut(name) {
                    elements.retain(|element| !is_for(element, triplet));
                    if elements.is_empty() {
                        file.remove(name);
                    }
                }
            }
        }
    }
}

fn is_for(element: &Toml, triplet: &str) -> bool {
    let known = [HASH, LAZY, DOWNLOAD];
    let fields = element.as_table().unwrap().iter();
    let tags = fields.filter(|(key, _)| !known.contains(&key.as_str()));
    let tags: BTreeMap<&str, &str> =
        tags.map(|(key, value)| (key.as_str(), value.as_str().unwrap())).collect();
    tags == platform(triplet).tags().collect()
}

proptest! {
    #[test]
    fn a_file_of_pkg_stays_one(calls in prop::collection::vec(any_call(), 1..12)) {
        let (mut text, mut values) = (String::new(), toml::Table::new());
        for call in &calls {
            text = call.on_text(&text);
            call.on_values(&mut values);
            prop_assert_eq!(&text, &julia::print(&values), "after {:?}", call);
        }
    }

    #[test]
    fn in_any_file_only_the_name_changes(
        call in any_call(),
        file in prop::sample::select(vec![HAND_MADE, INLINE, DOTTED, RETURNS, SCATTERED]),
    ) {
        let after = call.on_text(file);
        let mut expected: toml::Table = file.parse().unwrap();
        call.on_values(&mut expected);
        prop_assert_eq!(after.parse::<toml::Table>().unwrap(), expected);
        let comments = |text: &str, own: &str| -> Vec<String> {
            let lines = text.lines().filter(|line| line.contains('#') && !line.contains(own));
            lines.map(|line| line.trim().to_owned()).collect()
        };
        let (Call::Bind { name, .. } | Call::Unbind { name, .. }) = &call;
        // In any order: an entry may have moved.
        let (mut before, mut now) = (comments(file, name), comments(&after, name));
        before.sort();
        now.sort();
        if !name.is_empty() {
            prop_assert_eq!(before, now);
        }
        let newlines = after.matches('\n').count();
        prop_assert!(file != RETURNS || after.matches("\r\n").count() == newlines);
    }
}

/// Comments name the entry that they belong to.
const HAND_MADE: &str = r#"# What we need.
# And why.

# the iris data
[iris]   # about iris
git-tree-sha1 = "1111111111111111111111111111111111111111" # of iris
# where iris is
[[iris.download]]
url = "u"   # of iris
sha256 = "0000000000000000000000000000000000000000000000000000000000000000"

# Compilers.

# the tool
[[tool]]
os = "linux"
arch = "x86_64"
libc = "glibc"
git-tree-sha1 = "1111111111111111111111111111111111111111"

# another tool
[[tool]]
os = "windows"
arch = "i686"
git-tree-sha1 = "2222222222222222222222222222222222222222"

[Zed]
git-tree-sha1 = "1111111111111111111111111111111111111111"

# The end.
"#;

const INLINE: &str = r#"# Head.

# about iris
iris = { git-tree-sha1 = "1111111111111111111111111111111111111111" } # iris itself
tool = [
    # the tool
    { os = "linux", arch = "x86_64", libc = "glibc", git-tree-sha1 = "1111111111111111111111111111111111111111" },
    { os = "windows", arch = "i686", git-tree-sha1 = "2222222222222222222222222222222222222222" },
]
"#;

const DOTTED: &str = r#"iris.git-tree-sha1 = "1111111111111111111111111111111111111111"
Zed.git-tree-sha1 = "1111111111111111111111111111111111111111"
# Else.
[else.deep]
x = 1
"#;

const RETURNS: &str =
    "# Head.\r\n\r\n[iris]\r\ngit-tree-sha1 = \"1111111111111111111111111111111111111111\"\r\n";

const SCATTERED: &str = r#"[[tool]]
os = "linux"
arch = "x86_64"
libc = "glibc"
git-tree-sha1 = "1111111111111111111111111111111111111111"

[iris]
git-tree-sha1 = "1111111111111111111111111111111111111111"

[[tool]]
os = "windows"
arch = "i686"
git-tree-sha1 = "2222222222222222222222222222222222222222"
"#;

#[test]
fn comments_and_order_stay() {
    let bound = plain(HAND_MADE, "iris", "2");
    let expected = HAND_MADE.replacen(ONE, TWO, 1);
    let download =
        expected.find("# where iris is").unwrap()..expected.find("\n# Compilers").unwrap();
    assert_eq!(bound, [&expected[..download.start], &expected[download.end..]].concat());

    let added = plain(HAND_MADE, "new", "2");
    let end = HAND_MADE.find("\n# The end").unwrap();
    let entry = format!("\n# The end.\n\n[new]\ngit-tree-sha1 = \"{TWO}\"\n");
    assert_eq!(added, [&HAND_MADE[..end], &entry].concat());

    let gone = off(HAND_MADE, "iris");
    assert!(gone.starts_with("# What we need.\n# And why.\n\n# Compilers.\n\n# the tool\n"));
    let gone = off(HAND_MADE, "tool");
    assert!(gone.contains("\n\n# Compilers.\n\n[Zed]\n"), "{gone}");
}

#[test]
fn the_head_of_a_file_stays_at_its_head() {
    let file = format!("# Head.\n\n# about iris\n[iris]\ngit-tree-sha1 = \"{ONE}\"\n");
    let added = plain(&file, "first", "2");
    let expected = format!(
        "# Head.\n\n[first]\ngit-tree-sha1 = \"{TWO}\"\n\n# about iris\n[iris]\ngit-tree-sha1 = \"{ONE}\"\n"
    );
    assert_eq!(added, expected);
    assert_eq!(off(&added, "first"), file);
    assert_eq!(off(&file, "iris"), "# Head.\n\n");
}

#[test]
fn elements_keep_their_comments_and_their_distance() {
    let bound = on(HAND_MADE, "tool", "2", "x86_64-linux-gnu");
    let tools = "# another tool\n[[tool]]\nos = \"windows\"\narch = \"i686\"\n";
    let head = format!("\n# Compilers.\n\n{tools}");
    assert!(bound.contains(&head), "{bound}");
    let new = format!(
        "\n\n# the tool\n[[tool]]\narch = \"x86_64\"\ngit-tree-sha1 = \"{TWO}\"\nlibc = \"glibc\"\n"
    );
    assert!(bound.contains(&new), "{bound}");
}

#[test]
fn a_file_in_braces_stays_in_braces() {
    let bound = on(INLINE, "tool", "a", "x86_64-linux-musl");
    let expected = format!(
        "{{ arch = \"x86_64\", git-tree-sha1 = \"{}\", libc = \"musl\", os = \"linux\" }}",
        "a".repeat(40)
    );
    assert!(bound.contains(&expected) && bound.contains("    # the tool\n"), "{bound}");
    let bound = plain(INLINE, "iris", "a");
    assert!(bound.contains("iris = { git-tree-sha1 = \"aaaa") && bound.contains("# iris itself"));
}

#[test]
fn what_is_bound_is_not_bound_again_without_force() {
    let file = plain(&on("", "tool", "1", "x86_64-linux-gnu"), "iris", "1");
    let linux = platform("x86_64-linux-gnu");
    // A host has ways to compare that a file has not: the tags are the same nevertheless.
    let host = linux.clone().into_host();
    for (name, platform, expected) in [
        ("iris", None, "`iris` is bound already"),
        ("iris", Some(&linux), "`iris` is bound already"),
        ("tool", Some(&host), "`tool` is bound already for x86_64-linux-gnu"),
        ("tool", None, "`tool` is bound already, by platform"),
    ] {
        let options = BindOptions { platform, ..BindOptions::default() };
        let error = bind(&file, name, hash("2"), options).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
    let musl = platform("x86_64-linux-musl");
    let options = BindOptions { platform: Some(&musl), ..BindOptions::default() };
    assert!(bind(&file, "tool", hash("2"), options).is_ok());
}

#[test]
fn unbinding_what_is_not_bound_changes_nothing() {
    let file = plain("", "iris", "1");
    let linux = platform("x86_64-linux-gnu");
    assert_eq!(unbind(&file, "other", None), Ok(None));
    let error = unbind(&file, "iris", Some(&linux)).unwrap_err();
    assert_eq!(error, Refusal::BoundEverywhere("iris".to_owned()));
    let file = on("", "tool", "1", "x86_64-linux-musl");
    assert_eq!(unbind(&file, "tool", Some(&linux)), Ok(None));
    let musl = platform("x86_64-linux-musl");
    assert_eq!(unbind(&file, "tool", Some(&musl)), Ok(Some(String::new())));
}

#[test]
fn a_malformed_file_stays() {
    let error = bind("[iris\n", "x", hash("1"), BindOptions::default()).unwrap_err();
    assert!(error.to_string().starts_with("1:6: "), "{error}");
    assert!(unbind("[iris]\n[iris]\n", "x", None).is_err());
}
