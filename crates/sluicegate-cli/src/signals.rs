//! SIGINT and SIGTERM: the first asks for a drain, the second ends the process at once. SIGUSR1:
//! the log is opened again.
use signal_hook::consts::{SIGINT, SIGTERM, SIGUSR1};
use signal_hook::iterator::Signals;
use signal_hook::low_level::signal_name;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::mpsc::{Receiver, RecvError, sync_channel};

/// A shell's exit code for a process that a signal ended is this and the signal's number.
const BY_SIGNAL: i32 = 128;

/// Room for all that can wait at once: one of each.
const WAITING: usize = 2;

/// What the operator asks for.
#[derive(Clone, Copy, Debug)]
pub enum Asked {
    /// To open the log again.
    Reopen,
    /// To drain; the signal's name.
    Drain(&'static str),
}

/// The operator's wishes, one after the other.
pub struct Wishes {
    receive: Receiver<Asked>,
    /// One `Reopen` waits: further ones ask for the same.
    reopens: Arc<AtomicBool>,
}

impl Wishes {
    /// Waits for the next.
    ///
    /// # Errors
    /// When the signals' thread has ended.
    pub fn next(&self) -> Result<Asked, RecvError> {
        let asked = self.receive.recv()?;
        if matches!(asked, Asked::Reopen) {
            self.reopens.store(false, SeqCst);
        }
        Ok(asked)
    }
}

/// From now on signals are sent here, and a second one to drain ends the process.
///
/// # Errors
/// When the system takes no handler or gives no thread.
pub fn wishes() -> io::Result<Wishes> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGUSR1])?;
    let (send, receive) = sync_channel(WAITING);
    let reopens = Arc::new(AtomicBool::new(false));
    let waits = Arc::clone(&reopens);
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        let mut drains = false;
        // The receiver lives as long as the process, and has room: sending neither fails nor waits.
        for signal in signals.forever() {
            match signal {
                SIGUSR1 if drains || waits.swap(true, SeqCst) => {}
                SIGUSR1 => {
                    let _ = send.send(Asked::Reopen);
                }
                _ if drains => std::process::exit(BY_SIGNAL + signal),
                _ => {
                    drains = true;
                    let _ = send.send(Asked::Drain(signal_name(signal).unwrap_or("signal")));
                }
            }
        }
    })?;
    Ok(Wishes { receive, reopens })
}
