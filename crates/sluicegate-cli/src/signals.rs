//! SIGINT and SIGTERM: the first asks for a drain, the second ends the process at once.
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::signal_name;
use std::io;
use std::sync::mpsc::{Receiver, sync_channel};

/// A shell's exit code for a process that a signal ended is this and the signal's number.
const BY_SIGNAL: i32 = 128;

/// From now on the first signal is sent here, by its name, and a second one ends the process.
///
/// # Errors
/// When the system takes no handler or gives no thread.
pub fn first() -> io::Result<Receiver<&'static str>> {
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    let (send, receive) = sync_channel(1);
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        let mut came = signals.forever();
        if let Some(signal) = came.next() {
            // The receiver lives as long as the process.
            let _ = send.send(signal_name(signal).unwrap_or("signal"));
        }
        if let Some(signal) = came.next() {
            std::process::exit(BY_SIGNAL + signal);
        }
    })?;
    Ok(receive)
}
