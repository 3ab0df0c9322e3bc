//! What befalls a server in the middle of a run, beside its load.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::ops::Range;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use rustix::time::{ClockId, clock_gettime};
use sluicegate_io::Addr;

use super::machine::Cores;

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
    /// Makes it happen to a server, until it is over or `end` is gone. Returns the processor time
    /// that it took from the server.
    ///
    /// # Errors
    /// One sentence about why it did not happen.
    pub(super) fn befall(
        &self,
        processes: &[Pid],
        address: &Addr,
        cores: &Cores,
        end: &Receiver<()>,
    ) -> Result<Duration, String> {
        let began = Instant::now();
        match self {
            Self::Stop(seconds) => {
                wait(end, began, seconds.start);
                send(processes, Signal::STOP)?;
                wait(end, began, seconds.end);
                send(processes, Signal::CONT)?;
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
                drip(address, *connections, end);
                Ok(Duration::ZERO)
            }
        }
    }
}

fn send(processes: &[Pid], signal: Signal) -> Result<(), String> {
    let each = processes.iter().map(|process| kill_process(*process, signal));
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
    let mut places: Vec<Option<TcpStream>> = (0..connections).map(|_| None).collect();
    for turn in (0..ROUNDS).cycle() {
        let mut left = OPENED_MAX;
        for (n, place) in places.iter_mut().enumerate() {
            if n % ROUNDS == turn {
                place.take_if(|stream| !goes_on(stream, speaks(n)));
            }
            if place.is_none() && left > 0 {
                *place = open(*to, speaks(n)).ok();
                // Where one did not come to stand the next would wait as long.
                left = if place.is_some() { left - 1 } else { 0 };
            }
        }
        match end.recv_timeout(ROUND) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// Half of them do, and every place has its turn.
fn speaks(n: usize) -> bool {
    (n / ROUNDS).is_multiple_of(2)
}

fn open(to: SocketAddr, speaks: bool) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect_timeout(&to, OPEN_TIME)?;
    stream.set_nonblocking(true)?;
    if speaks {
        stream.write_all(b"GET /burn?us=1 HTTP/1.1\r\nHost: a\r\nX: ")?;
    }
    Ok(stream)
}

/// Says one more byte, if it speaks. Whether the server still has the connection.
fn goes_on(stream: &mut TcpStream, speaks: bool) -> bool {
    let open = match stream.read(&mut [0; 512]) {
        Ok(heard) => heard > 0,
        Err(error) => error.kind() == ErrorKind::WouldBlock,
    };
    open && (!speaks || stream.write_all(b"a").is_ok())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::net::TcpListener;
    use std::process::Command;
    use std::sync::mpsc::channel;
    use std::thread;

    use super::*;

    /// Waits until a process is in one of these states of `/proc/PID/stat`.
    fn comes_to(process: Pid, states: &[&str]) {
        let began = Instant::now();
        loop {
            let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
            let state = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().next());
            if states.contains(&state.unwrap()) {
                return;
            }
            assert!(began.elapsed() < Duration::from_secs(20), "it is {state:?}, not {states:?}");
            thread::yield_now();
        }
    }

    #[test]
    fn a_stopped_process_goes_on_at_the_latest_when_all_is_over() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let process = Pid::from_child(&child);
        let (over, end) = channel();
        let nowhere: Addr = "127.0.0.1:1".parse().unwrap();
        let stop = Trouble::Stop(0..3600);
        let stopping =
            thread::spawn(move || stop.befall(&[process], &nowhere, &Cores::found(), &end));
        comes_to(process, &["T"]);
        drop(over);
        assert_eq!(stopping.join().unwrap(), Ok(Duration::ZERO));
        comes_to(process, &["S", "R", "D"]);
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[test]
    fn what_others_take_is_known() {
        let (_over, end) = channel();
        let nowhere: Addr = "127.0.0.1:1".parse().unwrap();
        let others = Trouble::Others(0..1);
        let began = Instant::now();
        let taken = others.befall(&[], &nowhere, &Cores::found(), &end).unwrap();
        assert!(taken > Duration::ZERO && taken <= began.elapsed(), "{taken:?}");
    }

    #[test]
    fn half_of_the_connections_speak_and_never_come_to_an_end() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let to = Addr::Tcp(listener.local_addr().unwrap());
        let (over, end) = channel();
        let dripping = thread::spawn(move || drip(&to, 2 * ROUNDS, &end));
        let all: Vec<TcpStream> = (0..2 * ROUNDS).map(|_| listener.accept().unwrap().0).collect();
        for mut stream in all.iter().take(ROUNDS) {
            // The begin of a head, and three drops.
            let mut heard = [0; 40];
            stream.read_exact(&mut heard).unwrap();
            assert!(heard.starts_with(b"GET /burn?us=1 HTTP/1.1\r\nHost: a\r\nX: "));
            assert!(heard.ends_with(b"aa"), "{heard:?}");
        }
        drop(over);
        dripping.join().unwrap();
        for mut stream in all.iter().skip(ROUNDS) {
            let mut heard = Vec::new();
            stream.read_to_end(&mut heard).unwrap();
            assert_eq!(heard, b"", "these say nothing, until all is over");
        }
    }
}
