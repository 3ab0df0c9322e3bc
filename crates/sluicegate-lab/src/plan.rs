//! What is asked of a server: populations of clients, how many, how often, and how patient.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use sluicegate_io::Addr;

use crate::ask::{ASKS_MAX, Ask, SHARE_MAX};
use crate::retry::Retry;

/// Populations of a plan.
pub const POPULATIONS_MAX: usize = 16;
/// Connections, or users, of all populations.
pub const CLIENTS_MAX: usize = 60_000;
/// Client addresses of a population.
pub const ADDRESSES_MAX: u32 = 1 << 16;
/// Requests under way at once, of all populations; an arrival beyond it is missed, which voids
/// the run.
pub const REQUESTS_MAX: usize = 1 << 20;
/// Requests per second of a population.
pub const RATE_MAX: f64 = 1e6;
/// Rows of a report: a second of a population each.
pub const ROWS_MAX: usize = 1 << 13;
/// Attempts of one request.
pub const TRIES_MAX: u32 = 100;
/// Bytes of a path, and of all fields of a request.
pub const PATH_MAX: usize = 8 << 10;
/// How late the generator itself may be, at the 99th percentile, in a run that is believed: two
/// ticks of the kernel's timers and some.
pub const LAG_MAX: Duration = Duration::from_millis(5);

/// One run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The server.
    pub to: Addr,
    /// Who asks.
    pub populations: Vec<Population>,
    /// How long new requests are made.
    pub time: Duration,
    /// From which all chances are drawn: the same seed makes the same plan.
    pub seed: u64,
    /// Above this own lag at the 99th percentile the run is void; [`LAG_MAX`] unless changed.
    pub lag_max: Duration,
    /// Looks at the clock again and again before a request is due, instead of sleeping to the
    /// next tick of 1 ms: less lag, for a processor that the server must not need.
    pub spin: bool,
}

/// Clients of one kind.
#[derive(Clone, Debug)]
pub struct Population {
    /// Its name in reports.
    pub name: String,
    /// When they ask.
    pub load: Load,
    /// What their requests ask for: at least one from the beginning on, at most [`ASKS_MAX`].
    pub asks: Vec<Ask>,
    /// Fields of their requests beside `Host` and `Connection`.
    pub fields: Vec<(String, String)>,
    /// The first of their addresses, and how many: all within 127.0.0.0/8. The kernel chooses
    /// where there is none.
    pub addresses: Option<(Ipv4Addr, u32)>,
    /// Their connections.
    pub connections: Connections,
    /// The longest time in which an answer is good, from when the request was meant to be sent.
    pub target: Duration,
    /// After so long, from when an attempt was meant to be sent, a client gives up on it and
    /// closes its connection.
    pub timeout: Duration,
    /// What they do when an attempt fails.
    pub retry: Retry,
    /// Retries in percent of first attempts; unbounded if none.
    pub budget: Option<u32>,
}

/// When the clients of a population ask.
#[derive(Clone, Debug, PartialEq)]
pub enum Load {
    /// Whatever becomes of former requests, as the crowd outside does.
    Open(Rate),
    /// So many users ask, wait for what becomes of it, and think.
    Closed {
        /// How many: each has a connection of its own.
        users: usize,
        /// How long each thinks before it asks again. The first requests are spread over it.
        think: Duration,
    },
}

/// A rate that changes by pieces.
#[derive(Clone, Debug, PartialEq)]
pub struct Rate {
    /// One after the other; nobody comes after the last.
    pub pieces: Vec<Piece>,
    /// Whether arrivals are a Poisson process, or evenly spaced.
    pub poisson: bool,
}

/// A span of time with one rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Piece {
    /// Requests per second.
    pub rate: f64,
    /// For how long.
    pub time: Duration,
}

/// The connections of a population.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connections {
    /// At most so many in an open loop, opened when first needed; a request waits for a free one,
    /// and that time counts. In a closed loop each user has one.
    pub most: usize,
    /// Whether one is kept for the next request, or closed after each.
    pub keep: bool,
    /// Which free one the next request takes.
    pub pick: Pick,
}

/// Which free connection a request takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pick {
    /// The one that has rested longest: all are used, and all come to be open.
    #[default]
    Rotate,
    /// The one that was used last: no more are opened than are needed.
    Reuse,
}

/// A plan that cannot be carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadPlan(String);

impl Plan {
    /// A plan of one population that asks `to` for `time`.
    pub fn new(to: Addr, population: Population, time: Duration) -> Self {
        let populations = vec![population];
        Self { to, populations, time, seed: 1, lag_max: LAG_MAX, spin: false }
    }

    /// Checks every number against its bound.
    ///
    /// # Errors
    /// Says which one is wrong, what was found and what would be accepted.
    pub fn check(&self) -> Result<(), BadPlan> {
        let populations = self.populations.len();
        ensure((1..=POPULATIONS_MAX).contains(&populations), || {
            format!("{populations} populations: 1 to {POPULATIONS_MAX} are possible")
        })?;
        ensure(!self.time.is_zero(), || "the plan takes no time: give it a second".to_owned())?;
        let rows = self.rows().saturating_mul(populations);
        ensure(rows <= ROWS_MAX, || {
            format!(
                "{} s of {populations} populations are {rows} rows: at most {ROWS_MAX} are kept",
                self.time.as_secs()
            )
        })?;
        let clients: usize = self.populations.iter().map(Population::clients).sum();
        ensure((1..=CLIENTS_MAX).contains(&clients), || {
            format!("{clients} connections and users in all: 1 to {CLIENTS_MAX} are possible")
        })?;
        self.populations.iter().try_for_each(|population| {
            population
                .check()
                .map_err(|BadPlan(why)| BadPlan(format!("population `{}`: {why}", population.name)))
        })
    }

    /// Rows of each population: its seconds, and one for what comes after.
    pub(crate) fn rows(&self) -> usize {
        let part = u64::from(self.time.subsec_nanos() > 0);
        usize::try_from(self.time.as_secs() + part).unwrap_or(usize::MAX).saturating_add(1)
    }

    /// The longest that a request which is due at the end can take.
    pub(crate) fn settle(&self) -> Duration {
        let longest = self.populations.iter().map(|population| {
            let pause = match population.retry {
                Retry::Backoff { most, .. } => most,
                Retry::Never | Retry::AtOnce(_) => Duration::ZERO,
            };
            (population.timeout + pause).saturating_mul(population.retry.tries())
        });
        longest.max().unwrap_or_default()
    }
}

impl Population {
    /// Clients that ask for `path` when `load` says: without fields or retries, from one address,
    /// each with a kept connection, patient for 4 times the `target`.
    pub fn new(name: &str, load: Load, path: &str, most: usize, target: Duration) -> Self {
        Self {
            name: name.to_owned(),
            load,
            asks: Ask::only(path),
            fields: Vec::new(),
            addresses: None,
            connections: Connections { most, keep: true, pick: Pick::Rotate },
            target,
            timeout: target.saturating_mul(4),
            retry: Retry::Never,
            budget: None,
        }
    }

    /// Its connections at most.
    pub fn clients(&self) -> usize {
        match self.load {
            Load::Open(_) => self.connections.most,
            Load::Closed { users, .. } => users,
        }
    }

    /// The address of its `n`-th connection.
    pub fn address(&self, n: usize) -> Option<IpAddr> {
        let (first, count) = self.addresses?;
        Some(IpAddr::V4(Ipv4Addr::from_bits(first.to_bits() + (n as u32 % count.max(1)))))
    }

    /// How many different clients a server can tell apart by their addresses.
    pub(crate) fn address_count(&self) -> usize {
        self.addresses.map_or(1, |(_, count)| count as usize).min(self.clients())
    }

    fn check(&self) -> Result<(), BadPlan> {
        ensure(self.clients() > 0, || "it has no connection: give it one".to_owned())?;
        if let Load::Open(rate) = &self.load {
            let wrong = rate.pieces.iter().find(|piece| !(0.0..=RATE_MAX).contains(&piece.rate));
            ensure(wrong.is_none(), || {
                format!("a rate of {}: 0 to {RATE_MAX} requests a second are possible", {
                    wrong.map_or(0.0, |piece| piece.rate)
                })
            })?;
        }
        if let Some((first, count)) = self.addresses {
            let last = u64::from(first.to_bits()) + u64::from(count.max(1)) - 1;
            ensure((1..=ADDRESSES_MAX).contains(&count), || {
                format!("{count} addresses: 1 to {ADDRESSES_MAX} are possible")
            })?;
            ensure(first.is_loopback() && last >> 24 == 127, || {
                format!("{count} addresses from {first}: they must lie within 127.0.0.0/8")
            })?;
        }
        self.check_asks()?;
        let token = |name: &str| {
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        };
        let text = |value: &str| value.bytes().all(|b| b == b' ' || b.is_ascii_graphic());
        ensure(self.fields.iter().all(|(name, value)| token(name) && text(value)), || {
            "a field needs a name of letters, digits and `-`, and a value of visible ASCII"
                .to_owned()
        })?;
        ensure(!self.target.is_zero() && !self.timeout.is_zero(), || {
            "target and timeout must be longer than nothing".to_owned()
        })?;
        let tries = self.retry.tries();
        ensure(tries <= TRIES_MAX, || {
            format!("{tries} attempts of a request: at most {TRIES_MAX} are possible")
        })
    }

    fn check_asks(&self) -> Result<(), BadPlan> {
        let first = self.asks.iter().any(|ask| ask.from.is_zero());
        ensure(first && self.asks.len() <= ASKS_MAX, || {
            format!(
                "{} paths: 1 to {ASKS_MAX} are possible, of which one holds from the beginning on",
                self.asks.len()
            )
        })?;
        let wrong = self.asks.iter().find(|ask| !(1..=SHARE_MAX).contains(&ask.share));
        ensure(wrong.is_none(), || {
            let share = wrong.map_or(0, |ask| ask.share);
            format!("a share of {share}: 1 to {SHARE_MAX} are possible")
        })?;
        let fields: usize = self.fields.iter().map(|(name, value)| name.len() + value.len()).sum();
        self.asks.iter().try_for_each(|Ask { path, .. }| {
            ensure(path.starts_with('/') && path.len() + fields <= PATH_MAX, || {
                format!(
                    "a path must begin with `/`, and be with all fields at most {PATH_MAX} bytes"
                )
            })?;
            ensure(path.bytes().all(|byte| byte.is_ascii_graphic()), || {
                "a path must be visible ASCII; encode other bytes as %20".to_owned()
            })
        })
    }
}

impl Rate {
    /// A Poisson process of one rate.
    pub fn steady(rate: f64, time: Duration) -> Self {
        Self { pieces: vec![Piece { rate, time }], poisson: true }
    }

    /// One rate after the other, for `each` long.
    pub fn steps(rates: &[f64], each: Duration) -> Self {
        let pieces = rates.iter().map(|rate| Piece { rate: *rate, time: each }).collect();
        Self { pieces, poisson: true }
    }

    /// `base` for `before`, `peak` for `during`, and `base` again for `after`.
    pub fn spike(
        base: f64,
        before: Duration,
        peak: f64,
        during: Duration,
        after: Duration,
    ) -> Self {
        let pieces = [(base, before), (peak, during), (base, after)];
        let pieces = pieces.map(|(rate, time)| Piece { rate, time }).to_vec();
        Self { pieces, poisson: true }
    }

    /// `low` and `high` in turns, for about `time`.
    pub fn on_off(low: Piece, high: Piece, time: Duration) -> Self {
        let both = (low.time + high.time).as_nanos().max(1);
        let turns = usize::try_from(time.as_nanos().div_ceil(both)).unwrap_or(1).min(ROWS_MAX);
        Self { pieces: [low, high].repeat(turns), poisson: true }
    }
}

impl fmt::Display for BadPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BadPlan {}

fn ensure(holds: bool, why: impl FnOnce() -> String) -> Result<(), BadPlan> {
    if holds { Ok(()) } else { Err(BadPlan(why())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(change: impl FnOnce(&mut Population)) -> Plan {
        let load = Load::Closed { users: 2, think: Duration::ZERO };
        let mut mice = Population::new("mice", load, "/", 1, Duration::from_millis(50));
        change(&mut mice);
        Plan::new("127.0.0.1:80".parse().unwrap(), mice, Duration::from_secs(1))
    }

    #[test]
    fn what_is_wrong_is_told_with_what_would_do() {
        type Change = fn(&mut Population);
        let cases: [(Change, &str); 10] = [
            (|p| p.load = Load::Closed { users: 0, think: Duration::ZERO }, "1 to 60000"),
            (|p| p.load = Load::Open(Rate::steady(-1.0, Duration::ZERO)), "a rate of -1"),
            (|p| p.addresses = Some((Ipv4Addr::new(10, 0, 0, 1), 1)), "127.0.0.0/8"),
            (|p| p.addresses = Some((Ipv4Addr::new(127, 255, 255, 255), 2)), "127.0.0.0/8"),
            (|p| p.asks = Ask::only("page"), "begin with `/`"),
            (|p| p.asks = Ask::only("/a b"), "%20"),
            (|p| p.asks[0].from = Duration::from_secs(1), "from the beginning on"),
            (|p| p.asks[0].share = 0, "a share of 0"),
            (|p| p.fields = vec![("a".to_owned(), "b\r\nc: d".to_owned())], "visible ASCII"),
            (|p| p.retry = Retry::AtOnce(1000), "at most 100"),
        ];
        for (change, told) in cases {
            let why = plan(change).check().unwrap_err().to_string();
            assert!(why.contains(told), "{why}");
        }
        assert_eq!(plan(|_| ()).check(), Ok(()));
    }

    #[test]
    fn connections_go_round_the_addresses() {
        let plan = plan(|p| p.addresses = Some((Ipv4Addr::new(127, 0, 0, 255), 2)));
        let address = |n| plan.populations[0].address(n).unwrap().to_string();
        assert_eq!(
            [address(0), address(1), address(2)],
            ["127.0.0.255", "127.0.1.0", "127.0.0.255"]
        );
    }
}
