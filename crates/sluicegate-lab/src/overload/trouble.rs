//! What befalls a server in the middle of a run, beside its load.

use std::io::Write;
use std::net::TcpStream;
use std::ops::Range;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::{Duration, Instant};

use rustix::process::{Signal, kill_process};
use rustix::time::{ClockId, clock_gettime};
use sluicegate_io::Addr;

use super::machine::Cores;
use super::server::Server;

/// How often connections that drip are looked after; each drips a byte in [`ROUNDS`] of them.
const ROUND: Duration = Duration::from_millis(100);
const ROUNDS: usize = 10;
/// Connections that are opened in a round at most: a crowd, but no flood of handshakes.
const OPENED_MAX: usize = 200;
/// How long one may take to stand: the server's backlog may be full.
const OPEN_TIME: Duration = Duration::from_millis(20);

/// What befalls a server. Times are seconds since the run began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// All its processes are stopped by SIGSTOP, and go on by SIGCONT.
    Stop(Range<u64>),
    /// A thread burns on its processor.
    Others(Range<u64>),
    /// So many connections say nothing, or go on with the head of a request byte by byte, for as
    /// long as the run lasts.
    Drip(usize),
}

impl Trouble {
    /// Makes it happen, until it is over or `end` is. Returns the processor time that it took from
    /// the server.
    ///
    /// # Errors
    /// One sentence about why it did not happen.
    pub(super) fn befall(
        &self,
        server: &Server,
        cores: &Cores,
        end: &Receiver<()>,
    ) -> Result<Duration, String> {
        let began = Instant::now();
        match self {
            Self::Stop(seconds) => {
                wait(end, began, seconds.start);
                send(server, Signal::STOP)?;
                wait(end, began, seconds.end);
                send(server, Signal::CONT)?;
                Ok(Duration::ZERO)
            }
            Self::Others(seconds) => {
                wait(end, began, seconds.start);
                let _pinned = cores.server();
                let before = processor_time();
                let ends = Duration::from_secs(seconds.end);
                while began.elapsed() < ends && end.try_recv() == Err(TryRecvError::Empty) {
                    std::hint::spin_loop();
                }
                Ok(processor_time() - before)
            }
            Self::Drip(connections) => {
                drip(&server.address, *connections, end);
                Ok(Duration::ZERO)
            }
        }
    }
}

fn send(server: &Server, signal: Signal) -> Result<(), String> {
    let each = server.processes().into_iter().map(|process| kill_process(process, signal));
    each.collect::<Result<(), _>>().map_err(|error| format!("{signal:?} did not work: {error}"))
}

/// Waits for so many seconds since `began`, or for the end.
fn wait(end: &Receiver<()>, began: Instant, seconds: u64) {
    // Nothing is ever sent: the end is that the other side is gone.
    let _ = end.recv_timeout(Duration::from_secs(seconds).saturating_sub(began.elapsed()));
}

/// CPU time of this thread.
fn processor_time() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    // The kernel counts up from zero, and nanoseconds to below a second.
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

/// Keeps so many connections open until the end, opening anew those that the server closed.
fn drip(to: &Addr, connections: usize, end: &Receiver<()>) {
    let Addr::Tcp(to) = to else { return };
    let mut open: Vec<Option<TcpStream>> = (0..connections).map(|_| None).collect();
    for round in 0.. {
        let mut opened = 0;
        for (n, connection) in open.iter_mut().enumerate() {
            match connection {
                Some(stream) if n % (2 * ROUNDS) == round % ROUNDS => {
                    // One whose byte the kernel does not take was closed by the server.
                    if stream.write(b"a").is_err() {
                        *connection = None;
                    }
                }
                Some(_) => {}
                None if opened < OPENED_MAX => {
                    opened += 1;
                    *connection = TcpStream::connect_timeout(to, OPEN_TIME).ok();
                    if connection.is_none() {
                        // The next would wait as long.
                        opened = OPENED_MAX;
                    }
                    if let Some(stream) = connection {
                        let _ = stream.set_nonblocking(true);
                        if n % (2 * ROUNDS) < ROUNDS {
                            let _ = stream.write(b"GET /burn?us=1 HTTP/1.1\r\nHost: a\r\nX: ");
                        }
                    }
                }
                None => {}
            }
        }
        match end.recv_timeout(ROUND) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}
