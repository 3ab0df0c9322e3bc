//! One suite of behaviours for all backends: a service, a world it runs in, and clients.

#![allow(dead_code, reason = "each test binary uses its part")]

pub mod real;
pub mod service;
pub mod simulated;

use std::sync::Arc;
use std::time::Duration;

use sluicegate::Ledger;
use sluicegate_io::{Addresses, ConnCounts, How, Io, Settings, WhenFull};

/// How a world is set up.
#[derive(Clone)]
pub struct Setup {
    pub settings: Settings,
    pub workers: usize,
    /// Listens on a Unix socket instead of TCP.
    pub unix: bool,
    /// Connections that one address may have.
    pub per_address: Option<u32>,
    pub when_full: WhenFull,
    /// Whether clients connect before the service runs.
    pub late: bool,
}

impl Default for Setup {
    fn default() -> Self {
        let settings = Settings {
            linger_time: Duration::from_millis(200),
            handshake_time: Duration::from_millis(10),
            ..Settings::default()
        };
        let when_full = WhenFull::Wait;
        Self { settings, workers: 1, unix: false, per_address: None, when_full, late: false }
    }
}

impl Setup {
    pub fn with(change: impl FnOnce(&mut Self)) -> Self {
        let mut setup = Self::default();
        change(&mut setup);
        setup
    }
}

/// Bounds the connections of addresses where that is asked for.
pub fn bounded(io: Io, addresses: &Option<Arc<Addresses>>) -> Io {
    match addresses {
        Some(addresses) => io.with_addresses(Arc::clone(addresses)),
        None => io,
    }
}

/// What a client received up to the end, and how it ended.
#[derive(Debug, PartialEq, Eq)]
pub struct Rest {
    pub bytes: Vec<u8>,
    pub how: How,
}

/// A service that runs, and clients. Waiting means that virtual time moves, or that a thread
/// blocks; it fails when what is waited for cannot come any more.
pub trait World {
    type Client;

    fn new(setup: Setup) -> Self;
    /// Starts a service that was set up as late.
    fn start(&mut self);
    /// Lets what clients did reach the machine of a service that does not run yet.
    fn arrive(&mut self);
    fn connect(&mut self) -> Self::Client;
    /// Sends all of it, waiting for room.
    fn send(&mut self, client: &mut Self::Client, bytes: &[u8]);
    /// Waits for exactly `n` bytes.
    fn take(&mut self, client: &mut Self::Client, n: usize) -> Vec<u8>;
    /// Waits for the end.
    fn rest(&mut self, client: &mut Self::Client) -> Rest;
    fn finish(&mut self, client: &mut Self::Client);
    fn reset(&mut self, client: Self::Client);
    /// The client's address, as the service should see it.
    fn address(&mut self, client: &Self::Client) -> String;
    /// Waits until the counts of all workers are as `wanted`.
    fn until(&mut self, wanted: impl Fn(&ConnCounts) -> bool);
    /// Bounds the connections that the service may have open (in all, for real worlds).
    fn exhaust(&mut self, open: usize);
    /// There are descriptors again.
    fn recover(&mut self);
    /// Drains the service, and says what became of all flows and connections.
    fn stop(&mut self) -> (Ledger, ConnCounts);
}

/// Asks for one line and takes one.
pub fn ask<W: World>(world: &mut W, client: &mut W::Client, line: &str) -> String {
    world.send(client, format!("{line}\n").as_bytes());
    take_line(world, client)
}

/// Takes bytes up to the end of a line.
pub fn take_line<W: World>(world: &mut W, client: &mut W::Client) -> String {
    let mut line = Vec::new();
    loop {
        let byte = world.take(client, 1);
        if byte == b"\n" {
            return String::from_utf8(line).unwrap();
        }
        line.extend(byte);
    }
}

/// What ends a client's part in order.
pub fn leave<W: World>(world: &mut W, mut client: W::Client) {
    world.finish(&mut client);
    assert_eq!(world.rest(&mut client), Rest { bytes: b"eof\n".to_vec(), how: How::Eof });
}

/// Drains the service and checks that nothing vanished.
pub fn even<W: World>(mut world: W) -> ConnCounts {
    let (flows, conns) = world.stop();
    assert!(flows.balanced() && flows.in_flight == 0, "{flows:?}");
    assert_eq!(flows.places, 0, "{flows:?}");
    assert!(conns.balanced(), "{conns:?}");
    conns
}

/// Makes a test of each behaviour for real sockets on each backend, and one for the simulated
/// network, where it is run with many seeds.
#[macro_export]
macro_rules! suite {
    ($($behaviour:ident),* $(,)?) => {
        mod epoll {
            $(#[test]
            fn $behaviour() {
                use $crate::common::real::{OnEpoll, Real};
                super::$behaviour::<Real<OnEpoll>>();
            })*
        }
        mod uring {
            $(#[test]
            fn $behaviour() {
                if $crate::common::real::uring_works() {
                    use $crate::common::real::{OnUring, Real};
                    super::$behaviour::<Real<OnUring>>();
                }
            })*
        }
        mod direct {
            $(#[test]
            fn $behaviour() {
                if $crate::common::real::direct_works() {
                    use $crate::common::real::{OnDirect, Real};
                    super::$behaviour::<Real<OnDirect>>();
                }
            })*
        }
        mod simulated {
            $(#[test]
            fn $behaviour() {
                for seed in 0..$crate::common::simulated::SEEDS {
                    $crate::common::simulated::with_seed(seed, || {
                        super::$behaviour::<$crate::common::simulated::Simulated>();
                    });
                }
            })*
        }
    };
}
