//! The debug log: decisions and deletions, each with its reason, on standard error.
//!
//! Off by default. The program enables it by `SCRATCHRS_LOG=debug`, the library by `JULIA_DEBUG=ScratchRS`;
//! both variables are read at the edge, in `cli` and `ops`.

use std::io::{self, Write};

use log::{LevelFilter, Log, Metadata, Record};

struct StandardError;

/// Enables the debug log for this process, unless the process has another logger.
pub fn enable() {
    if log::set_logger(&StandardError).is_ok() {
        log::set_max_level(LevelFilter::Debug);
    }
}

impl Log for StandardError {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        // Not the messages of libraries that use `log` too.
        metadata.target().starts_with("scratchrs")
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            // One write, so that lines of several threads do not mix. Errors have no place to go.
            let line = format!("debug: {}\n", record.args());
            let _ = io::stderr().write_all(line.as_bytes());
        }
    }

    fn flush(&self) {}
}
