//! SIGINT and SIGTERM: the first asks for a drain, the second ends the process at once. SIGHUP: the
//! settings are read again. SIGUSR1: the log is opened again.
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};
use signal_hook::iterator::Signals;
use signal_hook::low_level::signal_name;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::mpsc::{Receiver, RecvError, sync_channel};

/// A shell's exit code for a process that a signal ended is this and the signal's number.
const BY_SIGNAL: i32 = 128;

/// Room for all that can wait at once: one of each.
const WAITING: usize = 3;

/// What the operator asks for.
#[derive(Clone, Copy, Debug)]
pub enum Asked {
    /// To open the log again.
    Reopen,
    /// To read the settings again.
    Reload,
    /// To drain; the signal's name.
    Drain(&'static str),
}

/// The operator's wishes, one after the other.
pub struct Wishes {
    receive: Receiver<Asked>,
    /// One of each waits: further ones ask for the same.
    waiting: Arc<Waiting>,
}

impl Wishes {
    /// Waits for the next.
    ///
    /// # Errors
    /// When the signals' thread has ended.
    pub fn next(&self) -> Result<Asked, RecvError> {
        let asked = self.receive.recv()?;
        match asked {
            Asked::Reopen => self.waiting.reopen.store(false, SeqCst),
            Asked::Reload => self.waiting.reload.store(false, SeqCst),
            Asked::Drain(_) => {}
        }
        Ok(asked)
    }
}

/// What has been asked for and not been heard yet.
#[derive(Default)]
struct Waiting {
    reopen: AtomicBool,
    reload: AtomicBool,
}

/// From now on signals are sent here, and a second one to drain ends the process.
///
/// # Errors
/// When the system takes no handler or gives no thread.
pub fn wishes() -> io::Result<Wishes> {
    let mut signals = Signals::new([SIGHUP, SIGINT, SIGTERM, SIGUSR1])?;
    let (send, receive) = sync_channel(WAITING);
    let waiting = Arc::new(Waiting::default());
    let waits = Arc::clone(&waiting);
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        let mut drains = false;
        // The receiver lives as long as the process, and has room: sending neither fails nor waits.
        for signal in signals.forever() {
            match signal {
                SIGHUP | SIGUSR1 if drains => {}
                SIGUSR1 if waits.reopen.swap(true, SeqCst) => {}
                SIGUSR1 => {
                    let _ = send.send(Asked::Reopen);
                }
                SIGHUP if waits.reload.swap(true, SeqCst) => {}
                SIGHUP => {
                    let _ = send.send(Asked::Reload);
                }
                _ if drains => std::process::exit(BY_SIGNAL + signal),
                _ => {
                    drains = true;
                    let _ = send.send(Asked::Drain(signal_name(signal).unwrap_or("signal")));
                }
            }
        }
    })?;
    Ok(Wishes { receive, waiting })
}
