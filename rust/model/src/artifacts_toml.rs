//! `Artifacts.toml`: bindings of names to artifacts, by platform.
//!
//! ```toml
//! [iris]                                # for every platform
//! git-tree-sha1 = "dbd04e28be047a54fbe9bf67e934be5b5e0d357a"
//! lazy = true
//!
//!     [[iris.download]]                 # where it can be had, tried in this order
//!     sha256 = "…"
//!     url = "https://example.org/iris.tar.gz"
//!
//! [[tool]]                              # one of several platforms
//! arch = "x86_64"
//! git-tree-sha1 = "…"
//! os = "linux"
//! ```
//!
//! Every text in an entry of a platform, but for its hash, is a tag of the platform.
//!
//! # Compatibility
//!
//! Pkg stops at the first invalid entry, sometimes with an error without details. Here a file that is
//! TOML is read to its end: each invalid entry is a [`Diagnostic`] with its place, and the others are
//! valid. An invalid entry is never skipped in favour of one that fits less well.

mod choice;
mod download;
mod edit;
mod named;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use toml::de::{DeArray, DeTable, DeValue};
use toml::{Spanned, Table};

pub use choice::{Chosen, Host, Unchosen, Undecided};
pub use download::{Field, InvalidField, read_download};
pub use edit::{BindOptions, Refusal, bind, unbind};
pub use named::{NamedHashes, named_hashes};

use crate::diagnostic::Diagnostic;
use crate::hash::{Sha256, TreeHash};
use crate::platform::Platform;
use crate::toml_events;

/// The names of a file of bindings, the one that is preferred first.
pub const FILE_NAMES: [&str; 2] = ["JuliaArtifacts.toml", "Artifacts.toml"];

const HASH: &str = "git-tree-sha1";
const LAZY: &str = "lazy";
const DOWNLOAD: &str = "download";
const URL: &str = "url";
const SHA256: &str = "sha256";
const SIZE: &str = "size";

/// What a name is bound to.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The artifact.
    pub hash: TreeHash,
    /// Whether it is installed on first use.
    pub lazy: bool,
    /// Where it can be downloaded from, in the order to try. None if the file does not say.
    pub downloads: Option<Vec<Download>>,
    /// What is invalid among the places that it can be downloaded from.
    pub invalid_downloads: Vec<Diagnostic>,
    /// All fields of the entry, for callers that know more of them.
    pub fields: Table,
    /// The line of the file in which it begins, from 1.
    pub line: usize,
}

/// A place from which an artifact can be downloaded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Download {
    /// The address of a tarball.
    pub url: String,
    /// The hash of the tarball.
    pub sha256: Sha256,
    /// The size of the tarball in bytes, if it is known.
    pub size: Option<u64>,
}

/// The bindings of a file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bindings {
    names: BTreeMap<String, Binding>,
    /// Problems of entries that can be used nevertheless.
    warnings: Vec<Diagnostic>,
}

type Readable<T> = Result<T, Diagnostic>;

#[derive(Clone, Debug, PartialEq)]
enum Binding {
    Everywhere(Readable<Entry>),
    ByPlatform(Vec<(Readable<Platform>, Readable<Entry>)>),
    Invalid(Diagnostic),
}

impl Bindings {
    /// Reads the text of a file.
    ///
    /// # Errors
    ///
    /// If it is not TOML; a name that is bound twice is not either. Or if it has very many values for its size.
    pub fn read(text: &str) -> Result<Self, Diagnostic> {
        toml_events::check_number_of_values(text)?;
        let document = DeTable::parse(text).map_err(|error| Diagnostic::of_toml(text, &error))?;
        let newlines = text.match_indices('\n').map(|(at, _)| at).collect();
        let mut reader = Reader { text, newlines, warnings: Vec::new() };
        let names = document.into_inner();
        let names = names.into_iter().map(|(name, value)| {
            let binding = reader.binding(name.get_ref(), value);
            (name.into_inner().into_owned(), binding)
        });
        let names = names.collect();
        Ok(Self { names, warnings: reader.warnings })
    }

    /// The names that are bound, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.keys().map(String::as_str)
    }

    /// What a name is bound to on a platform. `None` if it is not bound, or not for this platform.
    ///
    /// # Errors
    ///
    /// If the entry is invalid.
    pub fn select(&self, name: &str, platform: &Platform) -> Result<Option<&Entry>, &Diagnostic> {
        match self.names.get(name) {
            None => Ok(None),
            Some(Binding::Invalid(diagnostic)) => Err(diagnostic),
            Some(Binding::Everywhere(entry)) => entry.as_ref().map(Some),
            Some(Binding::ByPlatform(entries)) => {
                let readable: Vec<_> = entries
                    .iter()
                    .filter_map(|(platform, entry)| Some((platform.as_ref().ok()?, entry)))
                    .collect();
                match platform.choose(readable.iter().map(|(platform, _)| *platform)) {
                    Some(chosen) => readable[chosen].1.as_ref().map(Some),
                    None => entries
                        .iter()
                        .find_map(|(platform, _)| platform.as_ref().err())
                        .map_or(Ok(None), Err),
                }
            }
        }
    }

    /// All entries of a name that can be read, with their platforms. `None` means every
    /// platform.
    pub fn entries(&self, name: &str) -> Vec<(Option<&Platform>, &Entry)> {
        match self.names.get(name) {
            None | Some(Binding::Invalid(_)) => Vec::new(),
            Some(Binding::Everywhere(entry)) => entry.iter().map(|entry| (None, entry)).collect(),
            Some(Binding::ByPlatform(entries)) => entries
                .iter()
                .filter_map(|(platform, entry)| {
                    Some((platform.as_ref().ok(), entry.as_ref().ok()?))
                })
                .collect(),
        }
    }

    /// All that is wrong with the file, in the order of its lines.
    pub fn diagnostics(&self) -> Vec<&Diagnostic> {
        let mut diagnostics: Vec<&Diagnostic> = self.warnings.iter().collect();
        diagnostics.extend(self.names.keys().flat_map(|name| self.diagnostics_of(name)));
        diagnostics.sort_by_key(|diagnostic| (diagnostic.line, diagnostic.column));
        diagnostics
    }

    /// Why entries of a name cannot be used, in the order of the file.
    pub fn diagnostics_of(&self, name: &str) -> Vec<&Diagnostic> {
        match self.names.get(name) {
            None => Vec::new(),
            Some(Binding::Invalid(diagnostic)) => vec![diagnostic],
            Some(Binding::Everywhere(entry)) => entry.as_ref().err().into_iter().collect(),
            Some(Binding::ByPlatform(entries)) => entries
                .iter()
                .flat_map(|(platform, entry)| {
                    platform.as_ref().err().into_iter().chain(entry.as_ref().err())
                })
                .collect(),
        }
    }
}

/// In a line that is longer, places have no column.
const LONGEST_LINE: usize = 4096;

struct Reader<'t> {
    text: &'t str,
    /// Where its lines end.
    newlines: Vec<usize>,
    warnings: Vec<Diagnostic>,
}

impl Reader<'_> {
    /// A diagnostic, whose place is found without going through the text: there may be many.
    fn diagnostic(&self, offset: usize, message: String) -> Diagnostic {
        let line = self.line(offset);
        let begin = line.checked_sub(2).map_or(0, |before| self.newlines[before] + 1);
        let before = self.text.get(begin..offset).filter(|before| before.len() < LONGEST_LINE);
        let column = before.map(|before| before.chars().count() + 1);
        Diagnostic { line: Some(line), column, message }
    }

    fn line(&self, offset: usize) -> usize {
        self.newlines.partition_point(|newline| *newline < offset) + 1
    }

    fn binding(&mut self, name: &str, value: Spanned<DeValue<'_>>) -> Binding {
        let at = value.span().start;
        match value.into_inner() {
            DeValue::Table(fields) => Binding::Everywhere(self.entry(name, at, fields)),
            DeValue::Array(elements) => self.by_platform(name, elements),
            other => {
                let kind = other.type_str();
                Binding::Invalid(self.diagnostic(
                    at,
                    format!("artifact `{name}` is {kind}: expected a table, or an array of tables"),
                ))
            }
        }
    }

    fn by_platform(&mut self, name: &str, elements: DeArray<'_>) -> Binding {
        let mut entries: Vec<(Readable<Platform>, Readable<Entry>)> = Vec::new();
        let mut places = Vec::new();
        for element in elements {
            let at = element.span().start;
            let DeValue::Table(fields) = element.into_inner() else {
                return Binding::Invalid(self.diagnostic(
                    at,
                    format!("artifact `{name}` is an array of other things than tables"),
                ));
            };
            let platform = self.platform(name, at, &fields);
            entries.push((platform, self.entry(name, at, fields)));
            places.push(at);
        }
        self.find_clashes(name, &entries, &places);
        Binding::ByPlatform(entries)
    }

    /// Finds the entries of a name that are for the same platform as one before.
    fn find_clashes(
        &mut self,
        name: &str,
        entries: &[(Readable<Platform>, Readable<Entry>)],
        places: &[usize],
    ) {
        let platforms = entries.iter().zip(places).filter_map(|((platform, _), at)| {
            let platform = platform.as_ref().ok()?;
            Some((platform, *at))
        });
        let mut platforms: Vec<(&Platform, usize)> = platforms.collect();
        platforms.sort();
        for pair in platforms.windows(2) {
            let [(before, _), (platform, at)] = pair else { continue };
            if before == platform {
                let message =
                    format!("artifact `{name}` is bound twice for {platform}: the last counts");
                self.warnings.push(self.diagnostic(*at, message));
            }
        }
    }

    fn platform(&self, name: &str, at: usize, fields: &DeTable<'_>) -> Readable<Platform> {
        let text = |key: &str| fields.get(key).and_then(|value| value.get_ref().as_str());
        let required = |key: &str| {
            text(key).ok_or_else(|| {
                self.diagnostic(at, format!("artifact `{name}`, for one platform, has no `{key}`"))
            })
        };
        let (os, arch) = (required("os")?, required("arch")?);
        let tags = fields.iter().filter_map(|(key, value)| {
            let key = key.get_ref().as_ref();
            let is_tag = !matches!(key, "os" | "arch" | HASH);
            is_tag.then_some((key, value.get_ref().as_str()?))
        });
        Platform::new(arch, os, tags)
            .map_err(|error| self.diagnostic(at, format!("artifact `{name}`: {error}")))
    }

    fn entry(&mut self, name: &str, at: usize, fields: DeTable<'_>) -> Readable<Entry> {
        let hash = self.hash(name, at, &fields)?;
        let lazy = match fields.get(LAZY) {
            None => false,
            Some(lazy) => lazy.get_ref().as_bool().unwrap_or_else(|| {
                let message = format!("artifact `{name}`: `{LAZY}` is neither true nor false");
                self.warnings.push(self.diagnostic(lazy.span().start, message));
                false
            }),
        };
        let (downloads, invalid_downloads) = match fields.get(DOWNLOAD) {
            None => (None, Vec::new()),
            Some(value) => {
                let (downloads, invalid) = self.downloads(name, value);
                self.warnings.extend(invalid.iter().cloned());
                (Some(downloads), invalid)
            }
        };
        let line = self.line(at);
        let fields = toml::de::Deserializer::from(Spanned::new(0..0, fields));
        let fields = Table::deserialize(fields).map_err(|error| {
            self.diagnostic(at, format!("artifact `{name}`: {}", error.message()))
        })?;
        Ok(Entry { hash, lazy, downloads, invalid_downloads, fields, line })
    }

    fn hash(&self, name: &str, at: usize, fields: &DeTable<'_>) -> Readable<TreeHash> {
        let value = fields
            .get(HASH)
            .ok_or_else(|| self.diagnostic(at, format!("artifact `{name}`: missing `{HASH}`")))?;
        let hash = value.get_ref().as_str().map(str::parse);
        let problem = match hash {
            Some(Ok(hash)) => return Ok(hash),
            Some(Err(error)) => format!("`{HASH}`: {error}"),
            None => {
                let kind = value.get_ref().type_str();
                format!("invalid `{HASH}`: expected 40 hexadecimal digits, got {kind}")
            }
        };
        Err(self.diagnostic(value.span().start, format!("artifact `{name}`: {problem}")))
    }

    /// The places that can be used, and all that is invalid in them and in others.
    fn downloads(
        &self,
        name: &str,
        value: &Spanned<DeValue<'_>>,
    ) -> (Vec<Download>, Vec<Diagnostic>) {
        let diagnostic =
            |at, message: &str| self.diagnostic(at, format!("artifact `{name}`: {message}"));
        let Some(places) = value.get_ref().as_array() else {
            let message = format!("invalid `{DOWNLOAD}`: expected an array of tables");
            return (Vec::new(), vec![diagnostic(value.span().start, &message)]);
        };
        let (mut downloads, mut diagnostics) = (Vec::new(), Vec::new());
        for place in places {
            let Some(fields) = place.get_ref().as_table() else {
                let message = format!("invalid `{DOWNLOAD}`: expected a table");
                diagnostics.push(diagnostic(place.span().start, &message));
                continue;
            };
            let field =
                |key: &str| fields.get(key).map_or(Field::Missing, |it| Field::of(it.get_ref()));
            let (download, invalid) = read_download(field(URL), field(SHA256), field(SIZE));
            downloads.extend(download);
            diagnostics.extend(invalid.iter().map(|invalid| {
                let at = fields.get(invalid.field).map_or(place.span(), Spanned::span);
                diagnostic(at.start, &invalid.to_string())
            }));
        }
        (downloads, diagnostics)
    }
}

impl<'a> Field<'a> {
    fn of(value: &'a DeValue<'_>) -> Self {
        match value {
            DeValue::String(text) => Self::Text(text),
            DeValue::Integer(number) => {
                Self::Integer(i64::from_str_radix(number.as_str(), number.radix()).ok())
            }
            other => Self::Other(other.type_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IRIS: &str = "dbd04e28be047a54fbe9bf67e934be5b5e0d357a";
    const OTHER: &str = "43563e7631a7eafae1f9f8d9d332e3de44ad7239";

    fn linux() -> Platform {
        "x86_64-linux-gnu-libgfortran5".parse().unwrap()
    }

    fn diagnostics(bindings: &Bindings) -> Vec<String> {
        bindings.diagnostics().iter().map(|diagnostic| diagnostic.to_string()).collect()
    }

    #[test]
    fn a_file_is_read() {
        let text = format!(
            "[iris]\ngit-tree-sha1 = \"{upper}\"\nlazy = true\nfuture = {{a = 1}}\n\n    [[iris.download]]\n    \
             sha256 = \"{sha}\"\n    url = \"https://a\"\n    size = 7\n\n\
             [[tool]]\narch = \"x86_64\"\ngit-tree-sha1 = \"{OTHER}\"\nos = \"linux\"\n\
             [[tool]]\narch = \"x86_64\"\ngit-tree-sha1 = \"{IRIS}\"\nos = \"windows\"\n",
            upper = IRIS.to_uppercase(),
            sha = "0".repeat(64),
        );
        let bindings = Bindings::read(&text).unwrap();
        assert_eq!(diagnostics(&bindings), [""; 0]);
        assert_eq!(bindings.names().collect::<Vec<_>>(), ["iris", "tool"]);
        let iris = bindings.select("iris", &linux()).unwrap().unwrap();
        assert_eq!(iris.hash.to_string(), IRIS);
        assert!(iris.lazy && iris.fields.contains_key("future"));
        assert_eq!(iris.line, 1);
        let download = &iris.downloads.as_ref().unwrap()[0];
        assert_eq!((download.url.as_str(), download.size), ("https://a", Some(7)));
        let tool = bindings.select("tool", &linux()).unwrap().unwrap();
        assert_eq!((tool.hash.to_string().as_str(), tool.line), (OTHER, 11));
        assert_eq!(tool.downloads, None);
        let mac = "aarch64-apple-darwin".parse().unwrap();
        assert_eq!(bindings.select("tool", &mac), Ok(None));
        assert_eq!(bindings.select("nothing", &linux()), Ok(None));
        assert_eq!(bindings.entries("tool").len(), 2);
    }

    #[test]
    fn what_is_not_toml_says_where() {
        for (text, place) in [
            ("[iris\n", (1, 6)),
            ("[iris]\nx = \n", (2, 5)),
            ("[iris]\n\n[iris]\n", (3, 2)),
            ("a = 1\nb = 2\na = 3\n", (3, 1)),
        ] {
            let diagnostic = Bindings::read(text).unwrap_err();
            assert_eq!(
                (diagnostic.line, diagnostic.column),
                (Some(place.0), Some(place.1)),
                "{diagnostic}"
            );
        }
    }

    #[test]
    fn an_invalid_entry_has_a_diagnostic_and_the_others_are_valid() {
        let text = format!(
            "number = 3\n[good]\ngit-tree-sha1 = \"{IRIS}\"\nlazy = 1\ndownload = [{{url = \"u\"}}, 3]\n\
             [none]\n[short]\ngit-tree-sha1 = \"abc\"\n[[array]]\nos = \"linux\"\n\
             git-tree-sha1 = \"{IRIS}\"\n[[array]]\narch = \"x86_64\"\nos = \"linux\"\nnote = \"a b\"\n\
             git-tree-sha1 = \"{IRIS}\"\n"
        );
        let bindings = Bindings::read(&text).unwrap();
        let diagnostics = diagnostics(&bindings);
        let expected = [
            "1:10: artifact `number` is integer: expected a table, or an array of tables",
            "4:8: artifact `good`: `lazy` is neither true nor false",
            "5:13: artifact `good`: missing `sha256`: expected 64 hexadecimal digits",
            "5:20: artifact `good`: invalid `url` `u`: expected an address that begins with `https:`, `http:` or `file:`",
            "5:26: artifact `good`: invalid `download`: expected a table",
            "6:1: artifact `none`: missing `git-tree-sha1`",
            "8:17: artifact `short`: `git-tree-sha1`: invalid hash `abc`: expected 40 hexadecimal digits, got 3",
            "9:1: artifact `array`, for one platform, has no `arch`",
            "12:1: artifact `array`: the platform tag `note = \"a b\"` has a ` `, which no tag can have",
        ];
        assert_eq!(diagnostics, expected);
        let select = |name: &str| bindings.select(name, &linux());
        assert_eq!(select("good").unwrap().unwrap().downloads, Some(vec![]));
        for name in ["number", "none", "short", "array"] {
            assert!(select(name).is_err(), "{name}");
        }
    }

    #[test]
    fn the_best_fit_is_not_passed_over_because_it_is_broken() {
        let text = format!(
            "[[tool]]\narch = \"x86_64\"\nos = \"linux\"\ngit-tree-sha1 = \"{IRIS}\"\n\
             [[tool]]\narch = \"x86_64\"\nos = \"linux\"\nlibgfortran_version = \"5\"\ngit-tree-sha1 = \"x\"\n"
        );
        let bindings = Bindings::read(&text).unwrap();
        assert!(bindings.select("tool", &linux()).is_err());
        let plain = "x86_64-linux-gnu".parse().unwrap();
        assert!(bindings.select("tool", &plain).unwrap().is_some());
    }

    #[test]
    fn platforms_that_clash_are_found_out() {
        let entry = |hash| {
            format!("[[tool]]\narch = \"x86_64\"\nos = \"linux\"\ngit-tree-sha1 = \"{hash}\"\n")
        };
        let bindings = Bindings::read(&(entry(IRIS) + &entry(OTHER))).unwrap();
        let expected = "5:1: artifact `tool` is bound twice for x86_64-linux-gnu: the last counts";
        assert_eq!(diagnostics(&bindings), [expected]);
        let tool = bindings.select("tool", &linux()).unwrap().unwrap();
        assert_eq!(tool.hash.to_string(), OTHER);
    }

    #[test]
    fn an_empty_array_stands_for_nothing() {
        let bindings = Bindings::read("tool = []\n").unwrap();
        assert_eq!(bindings.select("tool", &linux()), Ok(None));
        assert_eq!(diagnostics(&bindings), [""; 0]);
    }
}
