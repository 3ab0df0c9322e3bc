//! `bench panic`: a handler that panics under load costs its own requests and no other.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::Options;
use super::client::Client;
use super::mix::{self, CONFIG, Visitor};
use super::net::Net;
use super::server::{Launch, Profile};
use crate::shell;

/// Clients of the ordinary mix beside the one that meets the panic.
const CLIENTS: u64 = 8;

/// The time between two panics.
const EVERY: Duration = Duration::from_millis(100);

/// The route whose handler panics.
const PANICS: &str = "\n[[route]]\npath = \"/panic\"\nhandler = \"panic\"\n";

/// So many seconds of load, with one worker and then with two.
pub fn run(seconds: f64, profile: Profile, options: &Options) -> Result<()> {
    options.end()?;
    let (www, config) = mix::site(&shell::scratch("panic")?, &format!("{CONFIG}{PANICS}"))?;
    let config = config.to_string_lossy();
    let program = profile.sluicegate()?;
    for workers in [1, 2] {
        let launch = Launch::of(&www, workers);
        let server = launch.sluicegate(&program, &["--config", &config])?;
        let seen = Mutex::new(Seen::default());
        let end = Instant::now() + Duration::from_secs_f64(seconds);
        std::thread::scope(|scope| {
            for seed in 0..CLIENTS {
                let (seen, address) = (&seen, server.address);
                scope.spawn(move || ordinary(address, seed, end, seen));
            }
            provoke(server.address, end, &seen);
        });
        let seen = seen.into_inner().unwrap_or_else(|poison| poison.into_inner());
        let net = Net::at_rest(server.admin)?;
        println!("workers {workers}: {seen:?}, panics counted {}", net.panics);
        ensure!(seen.errors.is_empty(), "others were hurt: {:?}", seen.errors);
        ensure!(seen.panics > 0 && seen.answers > 0, "there was no load");
        // After many panics in a row the breaker is open for a while: 503 instead of 500.
        ensure!((1..=seen.panics).contains(&net.panics), "{} panics counted", net.panics);
        let (failed, met) = (net.refused, seen.panics);
        ensure!(failed == met, "{failed} flows have failed, {met} clients were told so");
    }
    Ok(())
}

/// What the clients saw.
#[derive(Debug, Default)]
struct Seen {
    answers: u64,
    /// Requests to the panicking handler that were answered 500, or 503 while its breaker is open.
    panics: u64,
    /// The first few answers that were not as they should be.
    errors: Vec<String>,
}

impl Seen {
    fn complain(&mut self, error: String) {
        const SHOWN: usize = 10;
        if self.errors.len() < SHOWN {
            self.errors.push(error);
        }
    }
}

fn ordinary(address: SocketAddr, seed: u64, end: Instant, seen: &Mutex<Seen>) {
    let mut visitor = Visitor::new(address, seed);
    while Instant::now() < end {
        let outcome = visitor.visit();
        let mut seen = seen.lock().unwrap_or_else(|poison| poison.into_inner());
        match outcome {
            Ok(()) => seen.answers += 1,
            Err(error) => seen.complain(error.to_string()),
        }
    }
}

/// Asks for the panic again and again, each time on a connection of its own.
fn provoke(address: SocketAddr, end: Instant, seen: &Mutex<Seen>) {
    while Instant::now() < end {
        let status = Client::connect(address).and_then(|mut client| client.get("/panic"));
        let mut seen = seen.lock().unwrap_or_else(|poison| poison.into_inner());
        match status {
            Ok(reply) if matches!(reply.status, 500 | 503) => seen.panics += 1,
            other => seen.complain(format!("GET /panic: {other:?}")),
        }
        drop(seen);
        std::thread::sleep(EVERY);
    }
}
