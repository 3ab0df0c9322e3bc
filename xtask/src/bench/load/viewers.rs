//! Who watch a server: each reads a stream of events for as long as it lasts.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::{Poller, begin, read_into, reset};

/// How long the first bytes may take to come to all.
const PATIENCE: Duration = Duration::from_secs(10);

/// What begins an event.
const EVENT: &[u8] = b"data: ";

/// Readers of a stream of events.
pub struct Viewers {
    poller: Poller,
    all: Vec<Viewer>,
}

struct Viewer {
    stream: TcpStream,
    asked: bool,
    held: Vec<u8>,
    events: u64,
    bytes: u64,
    ended: bool,
}

/// What they were sent.
#[derive(Clone, Copy, Debug, Default)]
pub struct Watched {
    /// Events of the one that got fewest, and of the one that got most.
    pub least: u64,
    pub most: u64,
    /// Bytes of an event, the mean.
    pub event_bytes: u64,
    /// Those whose stream ended.
    pub ended: usize,
}

impl Viewers {
    /// Has so many ask for the stream; each has got its first bytes then.
    pub fn gather(address: SocketAddr, path: &str, viewers: usize) -> Result<Viewers> {
        let mut all = Viewers { poller: Poller::new()?, all: Vec::new() };
        for n in 0..viewers {
            let stream = begin(address, n, false).context("a viewer cannot connect")?;
            all.poller.add(n as u64, &stream)?;
            let (held, asked) = (Vec::new(), false);
            all.all.push(Viewer { stream, asked, held, events: 0, bytes: 0, ended: false });
        }
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        let begun = Instant::now();
        while !all.all.iter().all(|viewer| viewer.bytes > 0) {
            all.read(request.as_bytes())?;
            ensure!(begun.elapsed() < PATIENCE, "viewers are not answered after {PATIENCE:?}");
        }
        all.all.iter_mut().for_each(|viewer| (viewer.events, viewer.bytes) = (0, 0));
        Ok(all)
    }

    /// Reads until it is enough.
    pub fn watch(&mut self, enough: &AtomicBool) -> Result<Watched> {
        while !enough.load(Relaxed) {
            self.read(b"")?;
        }
        let events = || self.all.iter().map(|viewer| viewer.events);
        let bytes: u64 = self.all.iter().map(|viewer| viewer.bytes).sum();
        Ok(Watched {
            least: events().min().unwrap_or(0),
            most: events().max().unwrap_or(0),
            event_bytes: bytes / events().sum::<u64>().max(1),
            ended: self.all.iter().filter(|viewer| viewer.ended).count(),
        })
    }

    fn read(&mut self, request: &[u8]) -> Result<()> {
        for ready in self.poller.wait(Duration::from_millis(10))? {
            let viewer = &mut self.all[ready.key as usize];
            if ready.write && !std::mem::replace(&mut viewer.asked, true) {
                // Much smaller than the room there is.
                viewer.stream.write_all(request)?;
            }
            if ready.read {
                viewer.ended |= !read_into(&viewer.stream, &mut viewer.held);
                viewer.count();
            }
        }
        Ok(())
    }
}

impl Viewer {
    /// Counts the events that came, and forgets them.
    fn count(&mut self) {
        let found = self.held.windows(EVENT.len()).filter(|bytes| *bytes == EVENT).count();
        self.events += found as u64;
        // The beginning of one may have come.
        let kept = self.held.len().min(EVENT.len() - 1);
        let gone = self.held.len() - kept;
        self.bytes += gone as u64;
        self.held.drain(..gone);
    }
}

impl Drop for Viewers {
    fn drop(&mut self) {
        self.all.drain(..).for_each(|viewer| reset(viewer.stream));
    }
}
