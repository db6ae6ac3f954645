//! Progress of long work.

use std::io::{self, Write};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use scratchrs_fs::Progress;
use scratchrs_text::Meter;
use scratchrs_text::human::visible;

use crate::interruption::Interruption;
use crate::session::Session;

/// How often progress is shown, and an interruption is checked.
const TICK: Duration = Duration::from_millis(100);
/// The progress of shorter work is not shown.
const SILENCE: Duration = Duration::from_millis(300);
/// A longer stage is printed if there is no terminal.
const LONG: Duration = Duration::from_secs(5);

/// Runs `work`, which reports its progress. On a terminal, standard error shows a progress line, which
/// disappears at the end; otherwise it gets a line for each long stage. An interruption cancels the work; a
/// second one ends the program at once.
pub(crate) fn with_progress<T>(session: &Session, work: impl FnOnce(&Progress) -> T) -> T {
    let progress = Progress::default();
    let guard = Guard {
        progress: progress.clone(),
        interruption: Interruption::watch(),
        display: Display::of(session),
        log: Log::of(session),
    };
    let (working, is_working) = mpsc::channel::<()>();
    thread::scope(|scope| {
        scope.spawn(move || guard.run(&is_working));
        // Dropping it ends the guard, even after a panic.
        let _working = working;
        work(&progress)
    })
}

/// Shows the progress of another thread, and cancels it.
struct Guard {
    progress: Progress,
    interruption: Option<Interruption>,
    display: Option<Display>,
    log: Option<Log>,
}

impl Guard {
    fn run(mut self, is_working: &Receiver<()>) {
        while let Err(RecvTimeoutError::Timeout) = is_working.recv_timeout(TICK) {
            if self.interruption.as_ref().is_some_and(Interruption::has_come) {
                self.progress.cancel();
            }
            if let Some(display) = &mut self.display {
                display.show(&self.progress);
            } else if let Some(log) = &mut self.log {
                log.follow(&self.progress);
            }
        }
        if let Some(display) = self.display {
            display.clear();
        }
    }
}

/// The last line of the terminal of standard error.
struct Display {
    meter: Meter,
    columns: usize,
    began: Instant,
    is_shown: bool,
}

impl Display {
    /// `None` without a terminal, with `--json` and with `--quiet`.
    fn of(session: &Session) -> Option<Self> {
        let environment = &session.environment;
        let columns = environment.stderr_columns.filter(|_| !environment.is_dumb)?;
        let meter = Meter::new(session.output.has_colour());
        let display = Self { meter, columns, began: Instant::now(), is_shown: false };
        session.output.has_progress().then_some(display)
    }

    fn show(&mut self, progress: &Progress) {
        let elapsed = self.began.elapsed();
        // Some terminals begin a new line when the last column is filled.
        let line = self.meter.line(&progress.state(), elapsed, self.columns.saturating_sub(1));
        if elapsed >= SILENCE && !line.is_empty() {
            self.is_shown = true;
            write(&format!("\r{line}\x1b[K"));
        }
    }

    fn clear(self) {
        if self.is_shown {
            write("\r\x1b[K");
        }
    }
}

/// Lines about long stages, for a log.
struct Log {
    stage: String,
    since: Instant,
    is_printed: bool,
}

impl Log {
    /// `None` with `--json` and with `--quiet`.
    fn of(session: &Session) -> Option<Self> {
        let log = Self { stage: String::new(), since: Instant::now(), is_printed: false };
        session.output.has_progress().then_some(log)
    }

    fn follow(&mut self, progress: &Progress) {
        let stage = progress.state().stage;
        if stage != self.stage {
            *self = Self { stage, since: Instant::now(), is_printed: false };
        } else if !self.is_printed && !self.stage.is_empty() && self.since.elapsed() >= LONG {
            self.is_printed = true;
            write(&format!("{}\n", visible(&self.stage)));
        }
    }
}

/// A closed stream is not an error.
fn write(text: &str) {
    let mut stderr = io::stderr();
    let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}
