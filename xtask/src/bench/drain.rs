//! `bench drain`: SIGTERM under load; no request sent before the listener closed may be lost.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::client::Client;
use super::mix::{self, CONFIG};
use super::server::{Launch, Profile, Server};
use super::stats::Random;
use super::{Options, report};
use crate::shell;

/// Clients that keep their connection, and clients that take a new one for each request.
pub(super) const KEEPING: u64 = 24;
pub(super) const COMING: u64 = 8;

/// Load before SIGTERM: this, and up to as much again.
const LOAD: Duration = Duration::from_millis(700);

/// A client gives up so long after its start, whatever happens.
const LIMIT: Duration = Duration::from_secs(20);

/// A run of at least so many rounds is kept below `bench/results/`.
const KEPT_FROM: u32 = 10;

/// What became of one request that got no whole answer, or of one attempt to connect.
#[derive(Clone, Copy)]
pub(super) struct Lost {
    /// When its last byte had been written, if it came so far.
    written: Option<Instant>,
}

/// What all clients saw together.
#[derive(Default)]
pub(super) struct Seen {
    pub answered: u64,
    /// Answers with another status than 200.
    pub wrong: u64,
    /// Answers that said that the connection closes.
    pub closing: u64,
    pub refused_connects: u64,
    pub lost: Vec<Lost>,
    /// The latest begin of a connect that succeeded: the listener was open after it.
    open_at: Option<Instant>,
}

/// The sums of one or more rounds.
#[derive(Debug, Default)]
struct Sums {
    answered: u64,
    wrong: u64,
    closing: u64,
    refused_connects: u64,
    lost_before: u64,
    lost_after: u64,
}

/// So many rounds, each with a server of its own.
pub fn run(rounds: u32, profile: Profile, options: &Options) -> Result<()> {
    options.end()?;
    let (www, config) = mix::site(&shell::scratch("drain")?, CONFIG)?;
    let config = config.to_string_lossy();
    let program = profile.sluicegate()?;
    let mut sums = Sums::default();
    for round in 0..rounds {
        // One worker and two, in turn.
        let workers = 1 + round as usize % 2;
        let launch = Launch::of(&www, workers);
        let server = launch.sluicegate(&program, &["--config", &config])?;
        sums.add(one_round(server, u64::from(round))?);
    }
    let text = format!(
        "* rounds: {rounds}, with one worker and with two in turn\n* answered: {}, \
         of which said that they close: {}\n* wrong status: {}\n* lost, sent before the listener \
         closed: {}\n* given up, sent after it: {}\n* connects refused after it: {}\n",
        sums.answered,
        sums.closing,
        sums.wrong,
        sums.lost_before,
        sums.lost_after,
        sums.refused_connects,
    );
    println!("{text}");
    if rounds >= KEPT_FROM {
        let dir = report::results("drain")?;
        let command = format!("cargo xtask bench drain --rounds {rounds}");
        let text = format!("# SIGTERM under load\n\n`{command}`\n\n{text}");
        std::fs::write(dir.join("summary.md"), text)?;
    }
    ensure!(sums.lost_before == 0, "{} requests lost", sums.lost_before);
    ensure!(sums.wrong == 0, "{} answers with a wrong status", sums.wrong);
    ensure!(sums.closing > 0, "no answer said Connection: close: the drain met no load");
    Ok(())
}

fn one_round(mut server: Server, seed: u64) -> Result<Sums> {
    let seen = Mutex::new(Seen::default());
    let address = server.address;
    let mut ended = Ok(());
    std::thread::scope(|scope| {
        for n in 0..KEEPING + COMING {
            let seen = &seen;
            scope.spawn(move || {
                let go = |begun: Instant| begun.elapsed() < LIMIT;
                client(address, n < KEEPING, seed * 1000 + n, seen, go);
            });
        }
        let spread = Random(seed).below(LOAD.as_millis() as u64);
        std::thread::sleep(LOAD + Duration::from_millis(spread));
        ended = server.terminate().and_then(|()| {
            let status = server.ended()?;
            ensure!(status.success(), "the server ended with {status}");
            Ok(())
        });
    });
    ended?;
    Ok(seen.into_inner().unwrap_or_else(|poison| poison.into_inner()).sums())
}

/// Asks until a connect is refused, as after the listener has closed, or it is to `go` on no more.
pub(super) fn client(
    address: SocketAddr,
    keeps: bool,
    seed: u64,
    seen: &Mutex<Seen>,
    go: impl Fn(Instant) -> bool,
) {
    let mut random = Random(seed);
    let begun = Instant::now();
    while go(begun) {
        let connecting = Instant::now();
        let connected = Client::connect(address);
        let mut seen_now = seen.lock().unwrap_or_else(|poison| poison.into_inner());
        let Ok(mut client) = connected.map_err(|error| refused(&error, &mut seen_now)) else {
            return;
        };
        seen_now.open_at = seen_now.open_at.max(Some(connecting));
        drop(seen_now);
        while ask(&mut client, &mut random, seen) && keeps && go(begun) {}
    }
}

fn refused(error: &std::io::Error, seen: &mut Seen) {
    match error.kind() {
        ErrorKind::ConnectionRefused => seen.refused_connects += 1,
        // Reset while it connected: it lay in the backlog of a listener that closed.
        _ => seen.lost.push(Lost { written: None }),
    }
}

/// One request; whether the connection may be used again.
fn ask(client: &mut Client, random: &mut Random, seen: &Mutex<Seen>) -> bool {
    let path = match random.below(10) {
        0 => "/burn?us=500",
        1 => "/sleep?ms=20",
        2 => "/100k.bin",
        _ => "/small/7.txt",
    };
    let sent = client.send("GET", path, &[]).map(|()| Instant::now());
    let reply = client.receive("GET");
    let mut seen = seen.lock().unwrap_or_else(|poison| poison.into_inner());
    match reply {
        Ok(reply) => {
            seen.answered += 1;
            seen.wrong += u64::from(reply.status != 200);
            seen.closing += u64::from(reply.close);
            !reply.close
        }
        Err(_) => {
            seen.lost.push(Lost { written: sent.ok() });
            false
        }
    }
}

impl Seen {
    fn sums(&self) -> Sums {
        // A request surely preceded the closing if it was written before a connect began that
        // still succeeded.
        let before = |lost: &&Lost| match (lost.written, self.open_at) {
            (Some(written), Some(open)) => written <= open,
            _ => false,
        };
        let lost_before = self.lost.iter().filter(before).count() as u64;
        Sums {
            answered: self.answered,
            wrong: self.wrong,
            closing: self.closing,
            refused_connects: self.refused_connects,
            lost_before,
            lost_after: self.lost.len() as u64 - lost_before,
        }
    }
}

impl Sums {
    fn add(&mut self, other: Sums) {
        self.answered += other.answered;
        self.wrong += other.wrong;
        self.closing += other.closing;
        self.refused_connects += other.refused_connects;
        self.lost_before += other.lost_before;
        self.lost_after += other.lost_after;
    }
}
