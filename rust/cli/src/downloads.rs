//! How this program downloads and installs.

use std::path::Path;

use scratchrs_archive::Links;
use scratchrs_core::artifact::InstallOptions;
use scratchrs_fetch::Settings;
use scratchrs_model::time::DepotTime;

use crate::failure::Result;
use crate::session::Session;

/// What the environment says about it.
pub(crate) struct Downloads {
    settings: Settings,
    links: Links,
    now: DepotTime,
}

impl Downloads {
    /// Reads it. Invalid variables are reported.
    pub(crate) fn new(session: &mut Session) -> Result<Self> {
        let environment = &session.environment;
        let mut settings = Settings::new(environment.variables.iter().cloned(), environment.clock);
        settings.servers_directory = Some(Path::new(&session.depot()?).join("servers"));
        let variables = environment.variables.iter();
        let unicode = variables.filter_map(|(name, value)| Some((name.to_str()?, value.to_str()?)));
        let links = Links::new(unicode);
        for complaint in std::mem::take(&mut settings.warnings) {
            session.output.note(&complaint, None);
        }
        Ok(Self { settings, links, now: session.environment.now })
    }

    pub(crate) fn options(&self) -> InstallOptions<'_> {
        InstallOptions { settings: &self.settings, links: self.links, now: self.now }
    }
}
