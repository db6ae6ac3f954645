//! What a file names that is as Pkg and BinaryBuilder print it.

use hashbrown::{Equivalent, HashMap};

use super::download::is_url;
use super::{DOWNLOAD, HASH, LAZY, NamedHashes, SHA256, SIZE, URL};
use crate::hash::{Sha256, TreeHash};
use crate::platform::Platform;
use crate::printed::{Line, lines, string};

/// All artifacts that a text names which is valid TOML, printed as Julia does, and in which nothing
/// is wrong. None for any other text.
pub(super) fn all_hashes(text: &str, platforms: &mut KnownPlatforms) -> Option<NamedHashes> {
    platforms.forget_if_many();
    let mut reader = Reader {
        known: platforms,
        found: NamedHashes::default(),
        platforms: Vec::new(),
        entry: None,
        tags: Vec::new(),
    };
    for line in lines(text) {
        match Line::read(line)? {
            Line::Element(header) => match header.strip_suffix(".download") {
                None => reader.begin(header, true)?,
                Some(name) => reader.begin_download(name)?,
            },
            Line::Table(header) => reader.begin(header, false)?,
            Line::Field(key, value) => reader.field(key, value)?,
        }
    }
    reader.finish_entry()?;
    Some(reader.found)
}

/// The platforms that were come across, with a number for each. There are few, in whole depots, and
/// to make one takes longer than to read all the rest of an entry.
#[derive(Debug, Default)]
pub(super) struct KnownPlatforms {
    /// By their tags as files spell them; none if they are no platform.
    spellings: HashMap<Vec<(String, String)>, Option<usize>>,
    platforms: Vec<Platform>,
}

impl KnownPlatforms {
    /// How many spellings are remembered.
    const MOST: usize = 4096;

    fn forget_if_many(&mut self) {
        if self.spellings.len() > Self::MOST {
            *self = Self::default();
        }
    }

    /// The number of the platform of these tags. None if there can be no such.
    fn number(&mut self, tags: &[(&str, &str)]) -> Option<usize> {
        if let Some(number) = self.spellings.get(&Tags(tags)) {
            return *number;
        }
        let number = platform(tags).map(|platform| {
            let known = self.platforms.iter().position(|known| *known == platform);
            known.unwrap_or_else(|| {
                self.platforms.push(platform);
                self.platforms.len() - 1
            })
        });
        let tags = tags.iter().map(|(tag, value)| ((*tag).to_owned(), (*value).to_owned()));
        self.spellings.insert(tags.collect(), number);
        number
    }
}

/// Tags as a file spells them. It has the hash of what owns the same.
#[derive(Hash)]
struct Tags<'a>(&'a [(&'a str, &'a str)]);

impl Equivalent<Vec<(String, String)>> for Tags<'_> {
    fn equivalent(&self, known: &Vec<(String, String)>) -> bool {
        let is_same = |((tag, value), known): (&(&str, &str), &(String, String))| {
            *tag == known.0 && *value == known.1
        };
        self.0.len() == known.len() && self.0.iter().zip(known).all(is_same)
    }
}

fn platform(tags: &[(&str, &str)]) -> Option<Platform> {
    let text = |wanted| Some(tags.iter().find(|(tag, _)| *tag == wanted)?.1);
    let others = tags.iter().filter(|(tag, _)| !matches!(*tag, "arch" | "os"));
    Platform::new(text("arch")?, text("os")?, others.copied()).ok()
}

struct Reader<'a, 'k> {
    known: &'k mut KnownPlatforms,
    found: NamedHashes,
    /// The platforms for which the current name is bound.
    platforms: Vec<usize>,
    entry: Option<Entry<'a>>,
    /// Those of the current entry.
    tags: Vec<(&'a str, &'a str)>,
}

/// What was read of an entry.
struct Entry<'a> {
    name: &'a str,
    is_for_platform: bool,
    hash: Option<TreeHash>,
    is_lazy: Option<bool>,
    /// What was read of the current place to download it from.
    download: Option<DownloadFields>,
}

/// Which fields of a place were read.
#[derive(Default)]
struct DownloadFields {
    url: bool,
    sha256: bool,
    size: bool,
}

impl<'a> Reader<'a, '_> {
    fn begin(&mut self, name: &'a str, is_for_platform: bool) -> Option<()> {
        let is_next = match &self.entry {
            None => true,
            // Names that are sorted stand once, so that none of them can be a table here and an array
            // there.
            Some(last) if last.name < name => true,
            Some(last) => last.name == name && last.is_for_platform && is_for_platform,
        };
        let is_new = self.entry.as_ref().is_none_or(|last| last.name != name);
        self.finish_entry()?;
        if is_new {
            self.platforms.clear();
        }
        self.tags.clear();
        self.entry =
            Some(Entry { name, is_for_platform, hash: None, is_lazy: None, download: None });
        (is_next && !name.bytes().any(|byte| byte == b'.')).then_some(())
    }

    fn begin_download(&mut self, name: &str) -> Option<()> {
        let entry = self.entry.as_mut().filter(|entry| entry.name == name)?;
        entry.finish_download()?;
        entry.download = Some(DownloadFields::default());
        Some(())
    }

    fn field(&mut self, key: &'a str, value: &'a str) -> Option<()> {
        let entry = self.entry.as_mut()?;
        if let Some(download) = &mut entry.download {
            return download.field(key, value);
        }
        match key {
            HASH => set(&mut entry.hash, string(value)?.parse().ok()?),
            LAZY => set(&mut entry.is_lazy, value.parse().ok()?),
            DOWNLOAD => None,
            _ => {
                let is_new = self.tags.iter().all(|(known, _)| *known != key);
                self.tags.push((key, string(value)?));
                is_new.then_some(())
            }
        }
    }

    fn finish_entry(&mut self) -> Option<()> {
        let Some(mut entry) = self.entry.take() else { return Some(()) };
        entry.finish_download()?;
        if entry.is_for_platform {
            let platform = self.known.number(&self.tags)?;
            if self.platforms.contains(&platform) {
                return None;
            }
            self.platforms.push(platform);
        }
        self.found.add(Some(entry.name), entry.hash?);
        Some(())
    }
}

impl Entry<'_> {
    fn finish_download(&mut self) -> Option<()> {
        let Some(download) = self.download.take() else { return Some(()) };
        (download.url && download.sha256).then_some(())
    }
}

impl DownloadFields {
    fn field(&mut self, key: &str, value: &str) -> Option<()> {
        let is_known = match key {
            URL => {
                is_url(string(value)?).then_some(())?;
                &mut self.url
            }
            SHA256 => {
                string(value)?.parse::<Sha256>().ok()?;
                &mut self.sha256
            }
            SIZE => {
                // Neither a zero in front nor more digits than TOML has.
                let is_number = value.bytes().all(|byte| byte.is_ascii_digit());
                let is_short = (1..=18).contains(&value.len());
                (is_number && is_short && !value.starts_with('0')).then_some(())?;
                &mut self.size
            }
            _ => return None,
        };
        (!std::mem::replace(is_known, true)).then_some(())
    }
}

/// Sets a field; none if it stands twice.
fn set<T>(field: &mut Option<T>, value: T) -> Option<()> {
    field.replace(value).is_none().then_some(())
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use proptest::prelude::*;

    use super::*;
    use crate::artifacts_toml::named::read_all_hashes;

    const IRIS: &str = "dbd04e28be047a54fbe9bf67e934be5b5e0d357a";

    /// A file as Pkg prints it, of these names with so many platforms, or one for all.
    fn printed(names: &[(&str, usize)]) -> String {
        let mut text = String::new();
        for (name, platforms) in names {
            let platforms = ["linux", "macos", "windows", "freebsd"].iter().take(*platforms);
            let elements = platforms.map(|os| (format!("[[{name}]]"), Some(os)));
            let elements: Vec<_> = match elements.len() {
                0 => vec![(format!("[{name}]"), None)],
                _ => elements.collect(),
            };
            for (header, os) in elements {
                let arch = if os.is_some() { "arch = \"x86_64\"\n" } else { "" };
                let os = os.map(|os| format!("os = \"{os}\"\n")).unwrap_or_default();
                let sha256 = "0".repeat(64);
                write!(
                    text,
                    "{header}\n{arch}git-tree-sha1 = \"{IRIS}\"\nlazy = true\n{os}\n    \
                     [[{name}.download]]\n    sha256 = \"{sha256}\"\n    size = 7\n    \
                     url = \"https://a\"\n"
                )
                .unwrap();
            }
        }
        text
    }

    fn all_hashes(text: &str) -> Option<NamedHashes> {
        super::all_hashes(text, &mut KnownPlatforms::default())
    }

    /// What the reader of all of TOML finds, if nothing is wrong with the text.
    fn expected(text: &str) -> Option<NamedHashes> {
        let (named, faults) = read_all_hashes(text);
        faults.is_empty().then_some(named)
    }

    #[test]
    fn what_pkg_prints_is_read_here() {
        for text in ["", "# nothing\n", &printed(&[("a", 0), ("b", 4), ("c", 1)])] {
            assert_eq!(all_hashes(text), Some(expected(text).unwrap()), "{text}");
        }
    }

    #[test]
    fn a_platform_is_known_by_all_its_spellings_and_only_by_them() {
        let mut known = KnownPlatforms::default();
        let linux = [("arch", "x86_64"), ("os", "linux")];
        let spellings: [&[(&str, &str)]; 3] = [
            &linux,
            &[("arch", "amd64"), ("os", "Linux")],
            &[("arch", "x86_64"), ("libc", "glibc"), ("os", "linux")],
        ];
        for _ in 0..2 {
            assert_eq!(spellings.map(|tags| known.number(tags)), [Some(0); 3]);
            assert_eq!(
                known.number(&[("arch", "x86_64"), ("libc", "musl"), ("os", "linux")]),
                Some(1)
            );
            // What stands in a tag is not what stands in two.
            assert_eq!(known.number(&[("arch", "x86_64os"), ("os", "linux")]), Some(2));
            assert_eq!(known.number(&[("arch", "x86_64")]), None);
        }
    }

    #[test]
    fn what_is_wrong_with_a_file_is_for_the_reader_that_says_so() {
        let good = printed(&[("a", 0), ("b", 2)]);
        for (from, to) in [
            ("[[b]]", "[[a]]"),
            ("[[b]]", "[b]"),
            ("macos", "linux"),
            ("macos", "Linux"),
            ("\"x86_64\"", "\"unheard of\""),
            ("dbd04e", "xyz"),
            ("lazy = true", "lazy = true\nlazy = true"),
            ("lazy = true", "lazy = \"true\""),
            ("size = 7", "size = 07"),
            ("sha256 = \"0", "sha256 = \""),
            ("    url = \"https://a\"\n", ""),
            ("os = \"linux\"\n", ""),
            ("[[b.download]]", "[[c.download]]"),
            ("[a]", "[a.b]"),
        ] {
            let text = good.replacen(from, to, 1);
            assert_ne!(text, good, "{from} is not in the text");
            assert_eq!(all_hashes(&text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_read_here_is_what_toml_says(
            names in prop::collection::vec((prop::sample::select(vec!["a", "b", "c"]), 0usize..4), 0..4),
            edits in prop::collection::vec(
                (
                    0usize..2000,
                    0usize..12,
                    prop::sample::select(vec![
                        "", "\n", "\"", "]", "[", "a", "#", " ", "=", "\\", "x = \"y\"\n", "[c]\n",
                        "[[a]]\n", "\r", "\r\n", "lazy = false\n", "os = \"linux\"\n", "'", "\u{7f}",
                    ]),
                ),
                0..3,
            ),
        ) {
            let mut text = printed(&names);
            for (at, length, new) in edits {
                let begin = at.min(text.len());
                let end = (begin + length).min(text.len());
                text.replace_range(begin..end, new);
            }
            if let Some(found) = all_hashes(&text) {
                prop_assert_eq!(Some(found), expected(&text), "{}", text);
            }
        }
    }
}
