//! Where a text is displayed.

use scratchrs_core::FrontEnd;
use scratchrs_model::time::DepotTime;

use crate::human;

/// Where a text is displayed.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The columns of the terminal, if it is one.
    pub width: Option<usize>,
    /// The home directory, which is abbreviated as `~`.
    pub home: Option<&'a str>,
    /// The time that ages count from.
    pub now: DepotTime,
    /// Where the options are typed that a hint names.
    pub front_end: FrontEnd,
}

impl Context<'_> {
    /// The spelling of an option for the front end.
    pub(crate) fn spell<'a>(&self, shell: &'a str, julia: &'a str) -> &'a str {
        self.front_end.spell(shell, julia)
    }

    /// A path with `~` for the home directory.
    pub fn path(&self, path: &str) -> String {
        let below = self.home.and_then(|home| path.strip_prefix(home)?.strip_prefix('/'));
        match below {
            Some(rest) => format!("~/{}", human::visible(rest)),
            None => human::visible(path),
        }
    }
}
