//! Results as text for people: the program prints it, and Julia shows it.
//!
//! Lines have colours, which [`plain`] takes away. Nothing here computes a result.

mod collection;
mod explanation;
pub mod human;
mod kinds;
mod notes;
mod status;
mod style;
pub mod table;

use scratchrs_model::time::DepotTime;

pub use collection::collection;
pub use explanation::explanation;
pub use notes::notes;
pub use status::status;
pub use style::{aside, done, title};

/// For whom text is.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    /// The columns of the terminal, if it is one.
    pub width: Option<usize>,
    /// The home directory, which paths have as `~`.
    pub home: Option<&'a str>,
    /// The time that ages count from.
    pub now: DepotTime,
    /// Where the reader types what a hint says.
    pub front_end: FrontEnd,
}

/// Where options are typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrontEnd {
    /// The program `scratchrs`.
    Shell,
    /// The Julia package.
    Julia,
}

impl Reader<'_> {
    /// The spelling of something for the reader's front end.
    fn spell<'a>(&self, shell: &'a str, julia: &'a str) -> &'a str {
        match self.front_end {
            FrontEnd::Shell => shell,
            FrontEnd::Julia => julia,
        }
    }

    /// A path as people write it: `~` for their home.
    pub fn path(&self, path: &str) -> String {
        let below = self.home.and_then(|home| path.strip_prefix(home)?.strip_prefix('/'));
        match below {
            Some(rest) => format!("~/{}", human::visible(rest)),
            None => human::visible(path),
        }
    }
}

/// A text without its colours.
pub fn plain(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}
