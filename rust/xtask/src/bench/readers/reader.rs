//! The readers.

use std::hint::black_box;

use scratchrs_model::artifacts_toml::{BindOptions, Bindings, bind, named_hashes};
use scratchrs_model::generation::Generated;
use scratchrs_model::hash::TreeHash;
use scratchrs_model::manifest::ManifestReader;
use scratchrs_model::orphans::Orphans;
use scratchrs_model::overrides::Overrides;
use scratchrs_model::project;
use scratchrs_model::store::{bindings, record, users, uses};
use scratchrs_model::time::DepotTime;
use scratchrs_model::usage_log::{UsageLog, census};

/// Reads a text.
type Read = fn(&[u8]);

/// The readers by name.
pub(super) const READERS: &[(&str, Read)] = &[
    ("usage log", |bytes| drop(black_box(UsageLog::read(bytes)))),
    ("usage log, condensed", condense),
    ("usage log, counted", |bytes| {
        black_box(census(bytes));
    }),
    ("manifest", |bytes| drop(black_box(ManifestReader::default().read(bytes)))),
    ("artifact file", |bytes| drop(black_box(named_hashes(bytes)))),
    ("artifact file, all fields", |bytes| with_text(bytes, read_bindings)),
    ("artifact file, edited", |bytes| {
        with_text(bytes, |text| {
            drop(black_box(bind(text, "new", TreeHash([7; 20]), BindOptions::default())));
        });
    }),
    ("overrides", |bytes| with_text(bytes, read_overrides)),
    ("project", |bytes| with_text(bytes, |text| drop(black_box(project::identity(text))))),
    ("orphaned.toml", |bytes| drop(black_box(Orphans::read(bytes)))),
    ("record of a generation", |bytes| {
        with_text(bytes, |text| drop(black_box(Generated::parse(text))));
    }),
    ("store: bindings", |bytes| drop(black_box(bindings::Bindings::read(bytes)))),
    ("store: bindings, one removed", remove_a_name),
    ("store: log of uses", |bytes| drop(black_box(uses::read(bytes)))),
    ("store: log of users", |bytes| drop(black_box(users::read(bytes)))),
    ("store: record of a tree", |bytes| drop(black_box(record::Record::read(bytes)))),
];

fn with_text(bytes: &[u8], read: impl FnOnce(&str)) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        read(text);
    }
}

fn condense(bytes: &[u8]) {
    let now = "2026-01-01T00:00:00Z".parse().ok();
    if let Some(now) = now.and_then(|now| DepotTime::from_toml(&now)) {
        black_box(UsageLog::read(bytes).0.condensed(now).to_text());
    }
}

fn read_bindings(text: &str) {
    if let Ok(bindings) = Bindings::read(text) {
        black_box(bindings.diagnostics().len());
    }
}

fn read_overrides(text: &str) {
    let mut overrides = Overrides::default();
    drop(black_box(overrides.merge(text)));
    let hashes: Vec<TreeHash> = overrides.by_hash().map(|(hash, _)| hash).collect();
    for hash in hashes {
        drop(black_box(overrides.of_artifact(hash)));
    }
}

fn remove_a_name(bytes: &[u8]) {
    if let Ok(mut bindings) = bindings::Bindings::read(bytes) {
        let name = bindings.iter().next().map(|(name, _)| name.to_owned());
        black_box(bindings.remove(name.as_deref()));
    }
}
