//! Whether the artifacts that a file binds are installed.

use scratchrs_model::artifacts_toml::{Bindings, Chosen, Entry, Host};
use scratchrs_model::platform::Platform;

use super::choice::choose;
use super::report::{BindingState, FileBinding};
use super::stack::Stack;
use crate::error::{Error, Result};
use crate::front_end::FrontEnd;

/// The bindings of a file, which [`Stack::load`] has read, for a host, or for all platforms.
///
/// # Errors
///
/// If the file system refuses. Undecided and invalid bindings are not errors.
pub fn list_bindings(
    stack: &Stack,
    file: &str,
    bindings: &Bindings,
    host: Option<&Host>,
) -> Result<Vec<FileBinding>> {
    let mut listed = Vec::new();
    for name in bindings.names() {
        let Some(host) = host else {
            for (platform, entry) in bindings.entries(name) {
                listed.push(decided(stack, name, platform, entry)?);
            }
            continue;
        };
        match choose(stack, file, bindings, name, host) {
            Ok(None) => {}
            Ok(Some(Chosen { platform, entry })) => {
                listed.push(decided(stack, name, platform, entry)?);
            }
            Err(error @ Error::Undecided { .. }) => {
                listed.push(refused(bindings, name, BindingState::Undecided, &error));
            }
            Err(error @ Error::Format { .. }) => {
                listed.push(refused(bindings, name, BindingState::Invalid, &error));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(listed)
}

fn decided(
    stack: &Stack,
    name: &str,
    platform: Option<&Platform>,
    entry: &Entry,
) -> Result<FileBinding> {
    let state = match (stack.overridden(entry.hash)?, stack.find(entry.hash)?) {
        (Some(_), _) => BindingState::Overridden,
        (None, Some(_)) => BindingState::Installed,
        (None, None) => BindingState::Missing,
    };
    let downloads = entry.downloads.iter().flatten();
    Ok(FileBinding {
        name: name.to_owned(),
        platform: platform.map(ToString::to_string),
        hash: Some(entry.hash),
        lazy: entry.lazy,
        state,
        path: Some(stack.path(entry.hash)?),
        urls: downloads.map(|download| download.url.clone()).collect(),
        reason: None,
        hint: None,
    })
}

fn refused(bindings: &Bindings, name: &str, state: BindingState, error: &Error) -> FileBinding {
    FileBinding {
        name: name.to_owned(),
        platform: None,
        hash: None,
        lazy: bindings.entries(name).iter().all(|(_, entry)| entry.lazy),
        state,
        path: None,
        urls: Vec::new(),
        reason: Some(error.to_string()),
        hint: error.hint(FrontEnd::Shell).map(str::to_owned),
    }
}
