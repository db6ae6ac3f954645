//! Which artifacts are installed, and from which sources.

use scratchrs_core::artifact::{self, LeftOut, Stack, Wanted};
use scratchrs_model::artifacts_toml::{Bindings, Chosen, Download};

use super::Arguments;
use crate::downloads;
use crate::failure::{Failure, Result};
use crate::selection::{self, Selected};
use crate::session::Session;

/// The artifacts to install.
pub(super) struct Plan {
    pub(super) wanted: Vec<Wanted>,
    /// Names with undecided or invalid bindings.
    pub(super) left_out: Vec<LeftOut>,
    /// The diagnostics of the file, with their places.
    pub(super) diagnostics: Vec<String>,
}

impl Arguments {
    /// The artifacts of the arguments, else those of the file.
    pub(super) fn plan(&self, session: &mut Session, stack: &mut Stack) -> Result<Plan> {
        let downloads = self.downloads()?;
        if self.artifacts.is_empty() {
            return self.bound(session, stack);
        }
        let mut one = |name: &String| -> Result<Wanted> {
            let Selected { hash, binding } = self.scope.select(session, stack, name)?;
            let mut wanted = match binding {
                Some(binding) => Wanted::of_entry(name, &binding.entry, &binding.file),
                None => Wanted::without_sources(name, hash),
            };
            wanted.downloads.extend(downloads.iter().cloned());
            Ok(wanted)
        };
        let wanted = self.artifacts.iter().map(&mut one).collect::<Result<Vec<_>>>()?;
        Ok(Plan { wanted: once(wanted), left_out: Vec::new(), diagnostics: Vec::new() })
    }

    /// The artifacts of the file that have a source. Missing artifacts without a source are noted.
    fn bound(&self, session: &mut Session, stack: &mut Stack) -> Result<Plan> {
        let file = self.scope.file.existing(session)?;
        let bindings = stack.load(&file)?.unwrap_or_default();
        let diagnostics = selection::diagnostics(&file, &bindings);
        if self.all {
            let wanted = self.bound_anywhere(&bindings, &file);
            return Ok(Plan { wanted, left_out: Vec::new(), diagnostics });
        }
        let host = self.scope.platform.host()?;
        let (wanted, left_out) = artifact::wanted(stack, &file, &bindings, &host, self.lazy);
        for name in bindings.names() {
            let chosen = artifact::choose(stack, &file, &bindings, name, &host);
            let Ok(Some(Chosen { entry, .. })) = chosen else { continue };
            let is_wanted = entry.downloads.is_none() && (self.lazy || !entry.lazy);
            if is_wanted && stack.find(entry.hash)?.is_none() {
                let note = format!(
                    "`{name}` is not installed, and `{file}` has no URL to download it from"
                );
                session.output.notes([note]);
            }
        }
        Ok(Plan { wanted: once(wanted), left_out, diagnostics })
    }

    /// The same for all platforms.
    fn bound_anywhere(&self, bindings: &Bindings, file: &str) -> Vec<Wanted> {
        let mut wanted = Vec::new();
        for name in bindings.names() {
            let entries = bindings.entries(name).into_iter().map(|(_, entry)| entry);
            let entries = entries.filter(|entry| entry.downloads.is_some());
            let entries = entries.filter(|entry| self.lazy || !entry.lazy);
            wanted.extend(entries.map(|entry| Wanted::of_entry(name, entry, file)));
        }
        once(wanted)
    }

    /// The sources of `--url`.
    fn downloads(&self) -> Result<Vec<Download>> {
        if self.artifacts.len() > 1 && !self.urls.is_empty() {
            return Err(Failure::invalid("--url needs exactly one artifact"));
        }
        downloads::pair(&self.urls, &self.sha256)
    }
}

/// The first name of each artifact.
fn once(wanted: Vec<Wanted>) -> Vec<Wanted> {
    let mut kept: Vec<Wanted> = Vec::new();
    for one in wanted {
        if kept.iter().all(|known| known.hash != one.hash) {
            kept.push(one);
        }
    }
    kept
}
