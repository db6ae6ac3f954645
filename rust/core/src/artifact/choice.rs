//! The artifact that a name is bound to on a host.

use scratchrs_model::artifacts_toml::{Bindings, Chosen, Entry, Host, Unchosen};

use super::report::LeftOut;
use super::stack::Stack;
use crate::error::{Error, Result};

/// The entry that binds `name` on a host, among the bindings of a file that [`Stack::load`] has
/// read. `None` if the name is not bound there.
///
/// # Errors
///
/// If the entry is invalid; or [`Error::Undecided`] if the choice depends on unknown tags of the
/// host, unless overrides redirect all candidates to the same directory.
pub fn choose<'b>(
    stack: &Stack,
    file: &str,
    bindings: &'b Bindings,
    name: &str,
    host: &Host,
) -> Result<Option<Chosen<'b>>> {
    match bindings.choose(name, host) {
        Ok(chosen) => Ok(chosen),
        Err(Unchosen::Invalid(diagnostic)) => Err(Error::of_diagnostic(file, diagnostic)),
        Err(Unchosen::Undecided(undecided)) => {
            if stack.overridden_together(&undecided.hashes)?.is_some() {
                let host = Host::given(host.platform().clone());
                return choose(stack, file, bindings, name, &host);
            }
            let (file, name) = (file.into(), name.to_owned());
            Err(Error::Undecided { file, name, tags: undecided.tags })
        }
    }
}

/// The entry that binds `name` in a file on a host. `None` if the file does not exist, or does not
/// bind the name. Applies the overrides of the file's package to the stack.
///
/// # Errors
///
/// The errors of [`Stack::load`] and [`choose`].
pub fn binding(stack: &mut Stack, file: &str, name: &str, host: &Host) -> Result<Option<Entry>> {
    let Some(bindings) = stack.load(file)? else { return Ok(None) };
    let chosen = choose(stack, file, &bindings, name, host)?;
    Ok(chosen.map(|chosen| chosen.entry.clone()))
}

/// The downloadable entries of a file for a host with their names, lazy ones only if
/// `include_lazy`; and the names that are left out, each with the reason.
pub fn downloadable(
    stack: &Stack,
    file: &str,
    bindings: &Bindings,
    host: &Host,
    include_lazy: bool,
) -> (Vec<(String, Entry)>, Vec<LeftOut>) {
    let (mut entries, mut left_out) = (Vec::new(), Vec::new());
    for name in bindings.names() {
        match choose(stack, file, bindings, name, host) {
            Ok(Some(Chosen { entry, .. })) if include_lazy || !entry.lazy => {
                entries.push((name.to_owned(), entry.clone()));
            }
            Ok(_) => {}
            Err(_) if !include_lazy && is_only_lazy(bindings, name, host) => {}
            Err(error) => left_out.push(LeftOut { name: name.to_owned(), error }),
        }
    }
    entries.retain(|(_, entry)| entry.downloads.is_some());
    (entries, left_out)
}

/// Whether all candidates of an undecided name are lazy.
fn is_only_lazy(bindings: &Bindings, name: &str, host: &Host) -> bool {
    matches!(bindings.choose(name, host), Err(Unchosen::Undecided(it)) if it.is_lazy)
}
