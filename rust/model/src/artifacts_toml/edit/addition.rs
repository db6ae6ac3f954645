//! A binding to be added, as Pkg prints it.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::super::{DOWNLOAD, Download, HASH, LAZY, SHA256, SIZE, URL};
use super::BindOptions;
use crate::hash::TreeHash;
use crate::platform::Platform;
use crate::toml_text::{push_key, push_string};

/// A binding to be added.
pub(super) struct Addition<'a> {
    pub(super) hash: TreeHash,
    pub(super) options: BindOptions<'a>,
}

impl Addition<'_> {
    /// The fields other than tables, each value as Pkg prints it.
    pub(super) fn fields(&self) -> BTreeMap<&str, String> {
        let mut fields = BTreeMap::new();
        fields.insert(HASH, quoted(&self.hash.to_string()));
        if self.options.lazy {
            fields.insert(LAZY, "true".to_owned());
        }
        if self.options.downloads.is_some_and(<[_]>::is_empty) {
            fields.insert(DOWNLOAD, "[]".to_owned());
        }
        let tags = self.options.platform.into_iter().flat_map(Platform::tags);
        fields.extend(tags.map(|(tag, value)| (tag, quoted(value))));
        fields
    }

    pub(super) fn downloads(&self) -> &[Download] {
        self.options.downloads.unwrap_or_default()
    }

    /// The entry as Pkg prints it in a file with this entry only.
    pub(super) fn to_text(&self, name: &str) -> String {
        let key = key(name);
        let mut out = match self.options.platform {
            Some(_) => format!("[[{key}]]\n"),
            None => format!("[{key}]\n"),
        };
        for (field, value) in self.fields() {
            // Writing to a `String` cannot fail.
            let _ = writeln!(out, "{} = {value}", self::key(field));
        }
        self.push_downloads(name, &mut out);
        out
    }

    /// Appends the sources to an entry.
    pub(super) fn push_downloads(&self, name: &str, out: &mut String) {
        let key = key(name);
        for (index, download) in self.downloads().iter().enumerate() {
            let blank = if index == 0 { "\n" } else { "" };
            let _ = writeln!(out, "{blank}    [[{key}.{DOWNLOAD}]]");
            for (field, value) in download_fields(download) {
                let _ = writeln!(out, "    {field} = {value}");
            }
        }
    }

    /// The entry in braces, for a file with such entries.
    pub(super) fn to_inline(&self) -> String {
        let fields = self.fields().into_iter();
        let mut fields: Vec<String> =
            fields.map(|(field, value)| format!("{} = {value}", key(field))).collect();
        if !self.downloads().is_empty() {
            let places = self.downloads().iter().map(|download| {
                let fields = download_fields(download);
                let fields = fields.iter().map(|(field, value)| format!("{field} = {value}"));
                format!("{{ {} }}", fields.collect::<Vec<_>>().join(", "))
            });
            fields.push(format!("{DOWNLOAD} = [{}]", places.collect::<Vec<_>>().join(", ")));
        }
        format!("{{ {} }}", fields.join(", "))
    }
}

/// A key as Pkg prints it.
pub(super) fn key(key: &str) -> String {
    let mut out = String::new();
    push_key(&mut out, key);
    out
}

pub(super) fn download_fields(download: &Download) -> Vec<(&'static str, String)> {
    let sha256 = (SHA256, quoted(&download.sha256.to_string()));
    let size = download.size.map(|size| (SIZE, size.to_string()));
    let url = (URL, quoted(&download.url));
    [Some(sha256), size, Some(url)].into_iter().flatten().collect()
}

pub(super) fn quoted(text: &str) -> String {
    let mut out = String::new();
    push_string(&mut out, text);
    out
}
