//! Interruption of the program by Ctrl-C.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use crate::failure::INTERRUPTED;

/// Whether the user has interrupted the program since it was first watched for. A second interruption ends the program
/// at once.
#[derive(Clone)]
pub(crate) struct Interruption(Arc<AtomicBool>);

impl Interruption {
    /// `None` if the system refuses to tell: then the first interruption ends the program.
    pub(crate) fn watch() -> Option<Self> {
        static WATCHED: OnceLock<Option<Interruption>> = OnceLock::new();
        let begin = || {
            let flag = Arc::new(AtomicBool::new(false));
            notify(&flag).ok()?;
            Some(Self(flag))
        };
        WATCHED.get_or_init(begin).clone()
    }

    /// Whether the user has interrupted the program.
    pub(crate) fn has_come(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

#[cfg(unix)]
fn notify(flag: &Arc<AtomicBool>) -> std::io::Result<()> {
    use signal_hook::consts::SIGINT;
    // In this order: at the first signal, the first handler finds the flag unset.
    signal_hook::flag::register_conditional_shutdown(SIGINT, INTERRUPTED.into(), Arc::clone(flag))?;
    signal_hook::flag::register(SIGINT, Arc::clone(flag)).map(drop)
}

/// By the console's call, not by the signals of C: `signal-hook` asks for the handler before its own by `SIG_GET`, which
/// `msvcrt.dll` takes for a handler, at least in Wine, and calls.
#[cfg(windows)]
fn notify(flag: &Arc<AtomicBool>) -> Result<(), ctrlc::Error> {
    let flag = Arc::clone(flag);
    ctrlc::set_handler(move || {
        if flag.swap(true, Ordering::Relaxed) {
            std::process::exit(INTERRUPTED.into());
        }
    })
}
