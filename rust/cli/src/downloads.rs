//! Options of downloads and installations.

use scratchrs_archive::Links;
use scratchrs_core::artifact::InstallOptions;
use scratchrs_fetch::Settings;
use scratchrs_model::artifacts_toml::Download;
use scratchrs_model::hash::Sha256;
use scratchrs_model::time::DepotTime;

use crate::failure::{Failure, Result};
use crate::session::Session;

/// The options in the environment.
pub(crate) struct Downloads {
    settings: Settings,
    links: Links,
    now: DepotTime,
}

impl Downloads {
    /// Reads the environment. Invalid variables are noted.
    pub(crate) fn new(session: &mut Session) -> Result<Self> {
        let environment = &session.environment;
        let mut settings = Settings::new(environment.variables.iter().cloned(), environment.clock);
        settings.servers_directory = Some(session.depot()?.as_path().join("servers"));
        let variables = environment.variables.iter();
        let unicode = variables.filter_map(|(name, value)| Some((name.to_str()?, value.to_str()?)));
        let links = Links::new(unicode);
        for warning in std::mem::take(&mut settings.warnings) {
            session.output.note(warning);
        }
        Ok(Self { settings, links, now: session.environment.now })
    }

    pub(crate) fn options(&self) -> InstallOptions<'_> {
        InstallOptions { settings: &self.settings, links: self.links, now: self.now }
    }
}

/// Pairs each URL of `--url` with a hash of `--sha256`.
pub(crate) fn pair(urls: &[String], sha256: &[Sha256]) -> Result<Vec<Download>> {
    let (number, hashes) = (urls.len(), sha256.len());
    if number != hashes {
        let message = format!(
            "expected one --sha256 for each --url, found {number} --url and {hashes} --sha256"
        );
        return Err(Failure::invalid(message));
    }
    let download = |(url, sha256): (&String, &Sha256)| Download {
        url: url.clone(),
        sha256: *sha256,
        size: None,
    };
    Ok(urls.iter().zip(sha256).map(download).collect())
}
