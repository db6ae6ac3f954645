//! Environment variables, clock and terminal, read once.

use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::time::SystemTime;

use scratchrs_model::time::DepotTime;
use terminal_size::{Height, Width, terminal_size_of};

/// The environment variables, the time and the terminal.
pub(crate) struct Environment {
    /// The user's home directory, if it is known.
    pub(crate) home: Option<String>,
    /// `None` if it was deleted or is not valid Unicode.
    pub(crate) current_directory: Option<String>,
    /// JULIA_DEPOT_PATH, which may be empty.
    pub(crate) depot_path: Option<OsString>,
    /// JULIA_BINDIR, the directory of the Julia in use.
    pub(crate) bindir: Option<OsString>,
    /// JULIA_PROJECT.
    pub(crate) project: Option<OsString>,
    /// Whether uses are logged (JULIA_SCRATCH_TRACK_ACCESS).
    pub(crate) tracks_access: bool,
    pub(crate) now: DepotTime,
    /// The same time, for counting seconds.
    pub(crate) clock: SystemTime,
    /// All variables.
    pub(crate) variables: Vec<(OsString, OsString)>,
    /// Whether SCRATCHRS_LOG enables the debug log.
    pub(crate) logs_debug: bool,
    /// Whether NO_COLOR or the terminal disables colour.
    pub(crate) is_plain: bool,
    /// Whether the terminal cannot overwrite a line.
    pub(crate) is_dumb: bool,
    /// Whether a question can be read and answered.
    pub(crate) is_interactive: bool,
    pub(crate) stdout_is_terminal: bool,
    pub(crate) stderr_is_terminal: bool,
    /// The width of the terminal of standard output.
    pub(crate) columns: Option<usize>,
    /// The width of the terminal of standard error.
    pub(crate) stderr_columns: Option<usize>,
}

impl Environment {
    #[expect(clippy::disallowed_methods, reason = "only here are environment and clock read")]
    pub(crate) fn read() -> Self {
        let variable = |name| std::env::var_os(name);
        let unicode = |path: std::path::PathBuf| path.into_os_string().into_string().ok();
        let stderr_is_terminal = io::stderr().is_terminal();
        let is_dumb = variable("TERM").is_some_and(|value| value == "dumb") || !obeys_sequences();
        let columns = |size: Option<(Width, Height)>| size.map(|(width, _)| width.0.into());
        Self {
            home: std::env::home_dir().and_then(unicode).filter(|home| !home.is_empty()),
            current_directory: std::env::current_dir().ok().and_then(unicode),
            depot_path: variable("JULIA_DEPOT_PATH"),
            bindir: variable("JULIA_BINDIR").filter(|bindir| !bindir.is_empty()),
            project: variable("JULIA_PROJECT").filter(|project| !project.is_empty()),
            tracks_access: variable("JULIA_SCRATCH_TRACK_ACCESS").is_none_or(|value| value != "0"),
            now: DepotTime::from_local(chrono::Local::now().naive_local()),
            clock: SystemTime::now(),
            variables: std::env::vars_os().collect(),
            logs_debug: variable("SCRATCHRS_LOG").is_some_and(|value| value == "debug"),
            is_plain: variable("NO_COLOR").is_some_and(|value| !value.is_empty()) || is_dumb,
            is_dumb,
            is_interactive: io::stdin().is_terminal() && stderr_is_terminal,
            stdout_is_terminal: io::stdout().is_terminal(),
            stderr_is_terminal,
            columns: columns(terminal_size_of(io::stdout())),
            stderr_columns: columns(terminal_size_of(io::stderr())),
        }
    }
}

/// Whether a terminal at standard error obeys sequences, such as that which clears a line.
#[cfg(unix)]
fn obeys_sequences() -> bool {
    true
}

/// Whether a terminal at standard error obeys sequences, such as that which clears a line. A console does from now on, if
/// it can.
#[cfg(windows)]
fn obeys_sequences() -> bool {
    match winapi_util::console::Console::stderr() {
        Ok(mut console) => console.set_virtual_terminal_processing(true).is_ok(),
        // A file, or a terminal of MSYS2, which obeys them.
        Err(_) => true,
    }
}
