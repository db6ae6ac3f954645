//! How this program downloads and installs.

use std::path::Path;

use scratchrs_archive::Links;
use scratchrs_core::artifact::InstallOptions;
use scratchrs_fetch::Settings;

use crate::failure::Result;
use crate::session::Session;

/// What the environment says about it.
pub(crate) struct Downloads {
    settings: Settings,
    links: Links,
}

impl Downloads {
    /// Reads it. What of it nobody understands is told.
    pub(crate) fn new(session: &mut Session) -> Result<Self> {
        let environment = &session.environment;
        let mut settings = Settings::new(environment.variables.iter().cloned(), environment.clock);
        settings.servers_directory = Some(Path::new(&session.depot()?).join("servers"));
        let links = links(environment.variable("BINARYPROVIDER_COPYDEREF"));
        for complaint in std::mem::take(&mut settings.complaints) {
            session.output.note(&complaint, None);
        }
        Ok(Self { settings, links })
    }

    pub(crate) fn options(&self) -> InstallOptions<'_> {
        InstallOptions { settings: &self.settings, links: self.links }
    }
}

/// As Pkg reads BINARYPROVIDER_COPYDEREF: whether there are to be copies in the place of links.
fn links(variable: Option<&str>) -> Links {
    match variable.map(str::to_lowercase).as_deref() {
        Some("true" | "t" | "yes" | "y" | "1") => Links::Copied,
        _ => Links::Made,
    }
}
