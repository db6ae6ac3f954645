//! Logins from a `.netrc` file, used for URLs without a login, as by Julia's Downloads.
//!
//! Source: libcurl, `netrc.c`, with its option CURL_NETRC_OPTIONAL.

use std::path::{Path, PathBuf};

use scratchrs_fs as fs;

use crate::url::Login;
use crate::variables::Variables;

/// The path of the file: NETRC, else in the home directory.
pub(crate) fn path(variables: &Variables) -> Option<PathBuf> {
    if let Some(path) = variables.first(&["NETRC"]) {
        return Some(path.into());
    }
    let home = variables.first(if cfg!(windows) { &["HOME", "USERPROFILE"] } else { &["HOME"] })?;
    Some(Path::new(home).join(if cfg!(windows) { "_netrc" } else { ".netrc" }))
}

/// The logins of a file, in order. Empty if the file is missing or unreadable.
#[derive(Debug, Default)]
pub(crate) struct Netrc(Vec<Entry>);

struct Entry {
    /// `None` matches every host.
    host: Option<String>,
    user: String,
    password: String,
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Entry({:?})", self.host)
    }
}

impl Netrc {
    pub(crate) fn read(path: &Path) -> Self {
        let bytes = fs::read(path).unwrap_or_default();
        Self::parse(&String::from_utf8_lossy(&bytes))
    }

    fn parse(text: &str) -> Self {
        let mut entries: Vec<Entry> = Vec::new();
        let mut words = Words { rest: text };
        while let Some(word) = words.next() {
            let host = match word.as_str() {
                "machine" => words.next(),
                "default" => None,
                "login" => {
                    set(&mut entries, |entry| &mut entry.user, words.next());
                    continue;
                }
                "password" => {
                    set(&mut entries, |entry| &mut entry.password, words.next());
                    continue;
                }
                "macdef" => {
                    words.skip_macro();
                    continue;
                }
                _ => continue,
            };
            entries.push(Entry { host, user: String::new(), password: String::new() });
        }
        Self(entries)
    }

    /// The login for a host: that of the first matching entry.
    pub(crate) fn login(&self, host: &str) -> Option<Login> {
        let is_for = |entry: &&Entry| match &entry.host {
            Some(known) => known.eq_ignore_ascii_case(host),
            None => true,
        };
        let entry = self.0.iter().find(is_for)?;
        let has_login = !entry.user.is_empty() || !entry.password.is_empty();
        has_login.then(|| (entry.user.clone(), entry.password.clone()))
    }
}

/// Sets a field of the entry that is being read.
fn set(entries: &mut [Entry], field: impl Fn(&mut Entry) -> &mut String, value: Option<String>) {
    if let (Some(entry), Some(value)) = (entries.last_mut(), value) {
        *field(entry) = value;
    }
}

/// The words of a file. A line that begins with `#` has none.
struct Words<'a> {
    rest: &'a str,
}

impl Iterator for Words<'_> {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        loop {
            let trimmed = self.rest.trim_start();
            if !trimmed.starts_with('#') {
                self.rest = trimmed;
                break;
            }
            self.rest = trimmed.split_once('\n').map_or("", |(_, rest)| rest);
        }
        match self.rest.strip_prefix('"') {
            Some(quoted) => self.quoted(quoted),
            None => {
                let end = self.rest.find(char::is_whitespace).unwrap_or(self.rest.len());
                let (word, rest) = self.rest.split_at(end);
                self.rest = rest;
                (!word.is_empty()).then(|| word.to_owned())
            }
        }
    }
}

impl<'a> Words<'a> {
    /// A word in quotes, which may contain `\"`, `\\`, `\n`, `\r` and `\t` in it.
    fn quoted(&mut self, text: &'a str) -> Option<String> {
        let mut word = String::new();
        let mut characters = text.char_indices();
        while let Some((index, character)) = characters.next() {
            match character {
                '"' => {
                    self.rest = &text[index + 1..];
                    return Some(word);
                }
                '\\' => word.push(match characters.next()?.1 {
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    other => other,
                }),
                other => word.push(other),
            }
        }
        self.rest = "";
        None
    }

    /// A macro ends with an empty line.
    fn skip_macro(&mut self) {
        let end = self.rest.find("\n\n").map_or(self.rest.len(), |end| end + 2);
        self.rest = &self.rest[end..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn login(text: &str, host: &str) -> Option<(String, String)> {
        Netrc::parse(text).login(host)
    }

    fn some(user: &str, password: &str) -> Option<Login> {
        Some((user.to_owned(), password.to_owned()))
    }

    #[test]
    fn each_host_has_its_login() {
        let text = "# machine no login comment\n\
                    machine Example.org\n  login ada\n  password \"p w\\\"\"\n\
                    macdef init\nmachine no login no password no\n\n\
                    machine other.org login eve account x password pw machine bare\n\
                    default login anyone password p\n\
                    machine late.org login never password never\n";
        assert_eq!(login(text, "example.org"), some("ada", "p w\""));
        assert_eq!(login(text, "other.org"), some("eve", "pw"));
        assert_eq!(login(text, "bare"), None);
        assert_eq!(login(text, "no"), some("anyone", "p"));
        assert_eq!(login(text, "late.org"), some("anyone", "p"));
        assert_eq!(login("", "example.org"), None);
        assert_eq!(login("machine a password \"open", "a"), None);
    }

    #[test]
    fn the_environment_decides_about_the_path() {
        let path = |variables: &[(&str, &str)]| path(&Variables::of(variables));
        assert_eq!(path(&[("HOME", "/h"), ("NETRC", "/n")]), Some("/n".into()));
        assert_eq!(path(&[]), None);
        #[cfg(unix)]
        assert_eq!(path(&[("HOME", "/h")]), Some("/h/.netrc".into()));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "(machine|default|login|password|macdef|[ \"\\\\\n#a-é])*") {
            let _ = login(&text, "a");
        }
    }
}
