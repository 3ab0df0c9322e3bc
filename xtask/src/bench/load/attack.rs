//! Clients that mean harm, each kind at a rate of its own.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::Result;

use super::{Poller, Ready, begin, read_into, reset};

/// Between two looks at what is due.
const TICK: Duration = Duration::from_millis(1);

/// What one kind of hostile client does. All numbers are of all its connections together.
pub struct Attack {
    pub name: &'static str,
    /// In a sentence, for the report.
    pub does: &'static str,
    /// Connections open at once.
    most: usize,
    /// Connections begun each second.
    pub opens: f64,
    /// Whether others take the place of those that the server ends.
    again: bool,
    /// What each sends, over and over.
    text: fn() -> Vec<u8>,
    /// Bytes of the first write of a text, where these are more than those of each further one.
    lead: usize,
    piece: usize,
    /// Writes each second.
    pub writes: f64,
    /// Whether each sends its text once and waits for the end.
    once: bool,
    /// Whether it reads what comes.
    reads: bool,
    /// Whether it reads a little of it each second instead.
    sips: bool,
    /// Whether it resets the connection as soon as it has sent its text.
    resets: bool,
}

/// No bound on connections, or on the bytes of one write.
const WHOLE: usize = usize::MAX;
/// No bound on writes.
const FREELY: f64 = 1e9;

const NONE: Attack = Attack {
    name: "",
    does: "",
    most: WHOLE,
    opens: 2000.0,
    again: true,
    text: Vec::new,
    lead: 1,
    piece: WHOLE,
    writes: FREELY,
    once: false,
    reads: true,
    sips: false,
    resets: false,
};

/// A head that announces a body.
const ANNOUNCED: &[u8] = b"POST /1k.txt HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n";

/// Bytes of one sip, and the time between two.
const SIP: usize = 1024;
const SIPS_EVERY: Duration = Duration::from_secs(1);

/// All kinds.
pub const ATTACKS: [Attack; 9] = [
    Attack {
        name: "drip",
        does: "5,000 connections drip one byte of a head each second",
        most: 5000,
        opens: 5000.0,
        again: false,
        text: || [b"GET / HTTP/1.1\r\nHost: a\r\nX: ".as_slice(), &[b'a'; 4096]].concat(),
        piece: 1,
        writes: 5000.0,
        ..NONE
    },
    Attack {
        name: "body",
        does: "1,000 connections announce a body and drip one byte of it each second",
        most: 1000,
        opens: 1000.0,
        again: false,
        text: || [ANNOUNCED, &[b'a'; 4096]].concat(),
        lead: ANNOUNCED.len(),
        piece: 1,
        writes: 1000.0,
        ..NONE
    },
    Attack {
        name: "resets",
        does: "2,000 connections each second ask and reset",
        text: || get("/1k.txt"),
        resets: true,
        ..NONE
    },
    Attack {
        name: "silent",
        does: "500 connections each second say nothing",
        opens: 500.0,
        ..NONE
    },
    Attack {
        name: "tiny",
        does: "2,000 connections each second ask the least there is and are closed",
        text: || b"GET / HTTP/1.0\r\n\r\n".to_vec(),
        once: true,
        ..NONE
    },
    Attack {
        name: "pipelined",
        does: "one connection asks 10,000 times in one write, once a second",
        most: 1,
        text: || get("/1k.txt").repeat(10_000),
        writes: 1.0,
        ..NONE
    },
    Attack {
        name: "bytes",
        does: "64 connections send 5,000 segments of one byte each second",
        most: 64,
        text: || get("/1k.txt"),
        piece: 1,
        writes: 5000.0,
        ..NONE
    },
    Attack {
        name: "deaf",
        does: "200 connections ask for 5 MB each and read nothing",
        most: 200,
        opens: 200.0,
        text: || get("/100k.bin").repeat(50),
        once: true,
        reads: false,
        ..NONE
    },
    Attack {
        name: "sips",
        does: "200 connections ask for 5 MB each and read 1 KiB a second",
        most: 200,
        opens: 200.0,
        again: false,
        text: || get("/100k.bin").repeat(50),
        once: true,
        reads: false,
        sips: true,
        ..NONE
    },
];

fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").into_bytes()
}

/// What became of them.
#[derive(Clone, Debug, Default)]
pub struct Done {
    /// Connections that stood.
    pub opened: u64,
    /// Connections that were never answered by the kernel, or refused by it.
    pub failed: u64,
    /// Connections that the server ended.
    pub ended: u64,
    /// Connections still open at the end.
    pub left: u64,
    pub writes: u64,
    /// From the begin of a connection to its end by the server, at most and in seconds.
    pub longest: f64,
    /// When the last of them ended, in seconds from the begin of the attack.
    pub last_end: f64,
}

/// One hostile connection.
struct Foe {
    stream: TcpStream,
    begun: Duration,
    stands: bool,
    /// Bytes of the text that are sent, and up to where the current write goes.
    sent: usize,
    goal: usize,
}

/// An attack in progress.
struct Front<'a> {
    attack: &'a Attack,
    text: Vec<u8>,
    address: SocketAddr,
    poller: Poller,
    foes: Vec<Option<Foe>>,
    free: Vec<usize>,
    writers: VecDeque<usize>,
    begun: Instant,
    /// Connections begun and writes done, with those that could have been.
    opens: f64,
    writes: f64,
    tried: usize,
    /// When it sips next.
    thirsty: Duration,
    done: Done,
}

impl Attack {
    /// Whether the server is to end all its connections by their deadlines.
    pub fn is_to_end(&self) -> bool {
        !self.again
    }

    /// Attacks until `over`; where the server is to end all by itself, goes on to read until it
    /// has, for at most `patience` longer.
    pub fn run(&self, address: SocketAddr, over: &AtomicBool, patience: Duration) -> Result<Done> {
        let mut front = Front {
            attack: self,
            text: (self.text)(),
            address,
            poller: Poller::new()?,
            foes: Vec::new(),
            free: Vec::new(),
            writers: VecDeque::new(),
            begun: Instant::now(),
            opens: 0.0,
            writes: 0.0,
            tried: 0,
            thirsty: SIPS_EVERY,
            done: Done::default(),
        };
        let mut until = None;
        loop {
            let now = front.begun.elapsed();
            if over.load(Relaxed) {
                let until = *until.get_or_insert(now + patience);
                if self.again || front.open() == 0 || now >= until {
                    break;
                }
            }
            front.begin_due(now);
            front.write_due(now);
            if self.sips && now >= front.thirsty {
                front.thirsty = now + SIPS_EVERY;
                front.sip();
            }
            for ready in front.poller.wait(TICK)? {
                front.happened(ready);
            }
        }
        front.done.left = front.open() as u64;
        front.foes.drain(..).flatten().for_each(|foe| reset(foe.stream));
        Ok(front.done)
    }
}

impl Front<'_> {
    fn open(&self) -> usize {
        self.foes.len() - self.free.len()
    }

    fn begin_due(&mut self, now: Duration) {
        let due = now.as_secs_f64() * self.attack.opens;
        while self.opens < due {
            let there = if self.attack.again { self.open() } else { self.tried };
            if there >= self.attack.most {
                // What could not be begun in time is not begun later.
                self.opens = due;
                return;
            }
            self.opens += 1.0;
            self.tried += 1;
            if self.begin_one(now).is_err() {
                self.done.failed += 1;
                return;
            }
        }
    }

    fn begin_one(&mut self, now: Duration) -> std::io::Result<()> {
        let stream = begin(self.address, self.tried, !self.attack.reads)?;
        let n = self.free.pop().unwrap_or(self.foes.len());
        if n == self.foes.len() {
            self.foes.push(None);
        }
        if let Err(error) = self.poller.add(n as u64, &stream) {
            self.free.push(n);
            return Err(error);
        }
        self.foes[n] = Some(Foe { stream, begun: now, stands: false, sent: 0, goal: 0 });
        Ok(())
    }

    fn happened(&mut self, ready: Ready) {
        let n = ready.key as usize;
        let Some(foe) = &mut self.foes[n] else { return };
        if ready.write && !ready.ended {
            if !std::mem::replace(&mut foe.stands, true) {
                self.done.opened += 1;
                if !self.text.is_empty() {
                    self.writers.push_back(n);
                }
            } else if foe.sent < foe.goal {
                self.write(n);
            }
        }
        let Some(foe) = &self.foes[n] else { return };
        let over = match self.attack.reads {
            true => ready.read && !read_into(&foe.stream, &mut Vec::new()),
            false => ready.ended,
        };
        if over {
            self.ended(n);
        }
    }

    fn write_due(&mut self, now: Duration) {
        let due = now.as_secs_f64() * self.attack.writes;
        while self.writes < due {
            let Some(n) = self.writers.pop_front() else {
                self.writes = due;
                return;
            };
            let Some(foe) = &mut self.foes[n] else { continue };
            let lead = if foe.sent == 0 { self.attack.lead } else { 1 };
            let piece = self.attack.piece.max(lead);
            foe.goal = foe.sent.saturating_add(piece).min(self.text.len());
            self.writes += 1.0;
            self.done.writes += 1;
            self.write(n);
        }
    }

    /// All connections read a little.
    fn sip(&mut self) {
        for n in 0..self.foes.len() {
            let Some(foe) = &self.foes[n] else { continue };
            match (&foe.stream).read(&mut [0; SIP]) {
                Ok(1..) => {}
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
                Ok(0) | Err(_) => self.ended(n),
            }
        }
    }

    /// Goes on with the current write as far as there is room.
    fn write(&mut self, n: usize) {
        let Some(foe) = &mut self.foes[n] else { return };
        while foe.sent < foe.goal {
            match (&foe.stream).write(&self.text[foe.sent..foe.goal]) {
                Ok(written) => foe.sent += written,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return self.ended(n),
            }
        }
        let whole = foe.sent == self.text.len();
        if whole {
            (foe.sent, foe.goal) = (0, 0);
        }
        if whole && self.attack.resets {
            if let Some(foe) = self.foes[n].take() {
                reset(foe.stream);
            }
            self.free.push(n);
        } else if !(whole && self.attack.once) {
            self.writers.push_back(n);
        }
    }

    /// The server ended it.
    fn ended(&mut self, n: usize) {
        let Some(foe) = self.foes[n].take() else { return };
        let now = self.begun.elapsed();
        if foe.stands {
            self.done.ended += 1;
            self.done.longest = self.done.longest.max((now - foe.begun).as_secs_f64());
            self.done.last_end = now.as_secs_f64();
        } else {
            self.done.failed += 1;
        }
        self.free.push(n);
    }
}
