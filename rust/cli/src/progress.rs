//! Long work at a terminal: a progress bar, and interruption.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use scratchrs_fs::Progress;
use signal_hook::consts::SIGINT;
use signal_hook::flag;

use crate::failure::INTERRUPTED;
use crate::human::visible;
use crate::meter::Meter;
use crate::session::Session;

/// How often a person sees how far it is, and an interruption is looked for.
const TICK: Duration = Duration::from_millis(100);
/// What is done in this time is not worth to be seen.
const SILENCE: Duration = Duration::from_millis(300);
/// What takes longer is worth a line where there is no terminal.
const LONG: Duration = Duration::from_secs(5);

/// Does `work`, which reports to the progress that it is given. At a terminal, standard error shows how
/// far it is, and shows nothing of that any more when it is done; elsewhere it gets a line for each
/// thing that takes long. An interruption cancels the progress;
/// a second one ends the program at once.
pub(crate) fn with_progress<T>(session: &Session, work: impl FnOnce(&Progress) -> T) -> T {
    let progress = Progress::default();
    let guard = Guard {
        progress: progress.clone(),
        interrupted: interruption(),
        display: Display::of(session),
        log: Log::of(session),
    };
    let (working, is_working) = mpsc::channel::<()>();
    thread::scope(|scope| {
        scope.spawn(move || guard.keep(&is_working));
        // It goes at the end, also if that is a panic, and the guard with it.
        let _working = working;
        work(&progress)
    })
}

/// Becomes true when the user interrupts the program. None where the system has no signals.
fn interruption() -> Option<Arc<AtomicBool>> {
    let interrupted = Arc::new(AtomicBool::new(false));
    let code = i32::from(INTERRUPTED);
    // In this order: at the first signal, the first of the two finds the flag not set yet.
    flag::register_conditional_shutdown(SIGINT, code, Arc::clone(&interrupted)).ok()?;
    flag::register(SIGINT, Arc::clone(&interrupted)).ok()?;
    Some(interrupted)
}

/// Looks after work that another thread does.
struct Guard {
    progress: Progress,
    interrupted: Option<Arc<AtomicBool>>,
    display: Option<Display>,
    log: Option<Log>,
}

impl Guard {
    fn keep(mut self, is_working: &Receiver<()>) {
        while let Err(RecvTimeoutError::Timeout) = is_working.recv_timeout(TICK) {
            if self.interrupted.as_ref().is_some_and(|flag| flag.load(Ordering::Relaxed)) {
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

/// The last line of the terminal that standard error goes to.
struct Display {
    meter: Meter,
    columns: usize,
    began: Instant,
    is_shown: bool,
}

impl Display {
    /// None where it is not shown.
    fn of(session: &Session) -> Option<Self> {
        let environment = &session.environment;
        let columns = environment.stderr_columns.filter(|_| !environment.is_dumb)?;
        let meter = Meter::new(session.output.has_colour());
        let display = Self { meter, columns, began: Instant::now(), is_shown: false };
        (!session.output.is_json()).then_some(display)
    }

    fn show(&mut self, progress: &Progress) {
        let elapsed = self.began.elapsed();
        // The last column stays free: some terminals begin a new line when it is filled.
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

/// Lines about long work, for a log.
struct Log {
    stage: String,
    since: Instant,
    is_told: bool,
}

impl Log {
    /// None where a program reads the output.
    fn of(session: &Session) -> Option<Self> {
        let log = Self { stage: String::new(), since: Instant::now(), is_told: false };
        (!session.output.is_json()).then_some(log)
    }

    fn follow(&mut self, progress: &Progress) {
        let stage = progress.state().stage;
        if stage != self.stage {
            *self = Self { stage, since: Instant::now(), is_told: false };
        } else if !self.is_told && !self.stage.is_empty() && self.since.elapsed() >= LONG {
            self.is_told = true;
            write(&format!("{}\n", visible(&self.stage)));
        }
    }
}

/// A closed stream is no error.
fn write(text: &str) {
    let mut stderr = io::stderr();
    let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}
