//! The verification and the usage of artifacts.

use scratchrs_core::Result;
use scratchrs_core::artifact::{self, BoundBy, Repairs, Verification};
use scratchrs_fs::Progress;
use scratchrs_model::artifacts_toml::Host;

use super::arguments::{Session, parsed, platform, stack};

/// See [`artifact::verify_all`].
///
/// # Errors
///
/// As there.
pub fn verify_artifacts(
    depots: Vec<&str>,
    directory: Option<&str>,
    progress: &Progress,
) -> Result<Verification> {
    artifact::verify_all(&stack(depots, directory)?, progress)
}

/// See [`artifact::repair`]. Overrides are read first, as by the program.
///
/// # Errors
///
/// As there.
pub fn repair_artifacts(
    depots: Vec<&str>,
    directory: Option<&str>,
    files: Vec<&str>,
    tags: Vec<&str>,
    session: Vec<&str>,
    progress: &Progress,
) -> Result<Repairs> {
    let session = Session::read(&session, depots.first())?;
    let host = Host::given(platform(&tags)?.into_host());
    let mut stack = stack(depots, directory)?;
    stack.read_overrides()?;
    artifact::repair(&stack, &files, &host, session.options(), progress)
}

/// See [`artifact::known_files`] and [`artifact::usage`].
///
/// # Errors
///
/// As there.
pub fn artifact_usage(depots: Vec<&str>, hash: &str, more: Vec<&str>) -> Result<Vec<BoundBy>> {
    let known = artifact::known_files(&stack(depots, None)?, more)?;
    Ok(artifact::usage(&known, parsed(hash)?))
}
