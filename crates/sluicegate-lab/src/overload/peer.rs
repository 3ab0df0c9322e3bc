//! The peers: servers that users know, with the same handler, and the number each is tuned by.

use std::path::Path;
use std::time::Duration;

use super::handler::Handler;
use super::nginx;
use super::program::Program;
use super::system::{Intake, Place};

/// The program of the peers, built from `bench/peers/overload`.
pub const PEERS: &str = "overload-peer";

/// Limits to be tried, as shares of what can be handled one after the other within the target.
const LIMITS: [f64; 4] = [0.16, 0.32, 0.64, 0.96];
/// Rates to be tried, as shares of the capacity: refusals take some of it.
const RATES: [f64; 4] = [0.85, 0.9, 0.95, 1.0];
/// What may come at once beyond the rate, as a share of the target.
const BURST: f64 = 0.25;

/// A server that users know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// axum with nothing that limits.
    Axum,
    /// axum behind `ConcurrencyLimit` and `LoadShed` of tower.
    AxumLimit,
    /// axum behind Sluicegate's own `Gate`.
    AxumGate,
    /// axum's app served by Sluicegate.
    AxumServe,
    /// actix-web with nothing that limits.
    Actix,
    /// nginx with `limit_conn` before axum.
    NginxConn,
    /// nginx with `limit_req` before axum.
    NginxReq,
}

impl Peer {
    /// All there are.
    pub const ALL: [Self; 7] = [
        Self::Axum,
        Self::AxumLimit,
        Self::AxumGate,
        Self::AxumServe,
        Self::Actix,
        Self::NginxConn,
        Self::NginxReq,
    ];

    /// As it is typed.
    pub fn name(self) -> &'static str {
        match self {
            Self::Axum => "axum",
            Self::AxumLimit => "axum-limit",
            Self::AxumGate => "axum-gate",
            Self::AxumServe => "axum-serve",
            Self::Actix => "actix",
            Self::NginxConn => "nginx-conn",
            Self::NginxReq => "nginx-req",
        }
    }

    /// What it is, for who chooses.
    pub fn about(self) -> &'static str {
        match self {
            Self::Axum => "axum with nothing that limits",
            Self::AxumLimit => {
                "axum behind ConcurrencyLimit and LoadShed of tower, its limit tuned"
            }
            Self::AxumGate => "axum behind the Gate of sluicegate-tower, with the target",
            Self::AxumServe => "axum's app behind serve of sluicegate-tower, with the target",
            Self::Actix => "actix-web with nothing that limits",
            Self::NginxConn => "nginx with limit_conn, tuned, before axum",
            Self::NginxReq => "nginx with limit_req, tuned, before axum",
        }
    }

    /// What it needs and is not there, with how to get it.
    ///
    /// # Errors
    /// One sentence.
    pub(super) fn check(self, peers: &Path) -> Result<(), String> {
        let program = peers.join(PEERS);
        if !program.is_file() {
            return Err(format!(
                "there is no {}; `cargo xtask bench overload` builds it, and so does `cargo build \
                 --release` in bench/peers/overload",
                program.display()
            ));
        }
        let is_nginx = matches!(self, Self::NginxConn | Self::NginxReq);
        if is_nginx && nginx::found().is_none() {
            return Err("nginx is not installed; as root: apt-get install -y nginx-light".into());
        }
        Ok(())
    }

    /// The numbers that it is to be tuned by; none where there is nothing to tune.
    pub(super) fn numbers(self, handler: Handler, target: Duration, capacity: f64) -> Vec<usize> {
        let (of, shares) = match self {
            Self::Axum | Self::AxumGate | Self::AxumServe | Self::Actix => return Vec::new(),
            Self::AxumLimit | Self::NginxConn => (in_time(handler, target), LIMITS),
            Self::NginxReq => (capacity, RATES),
        };
        let mut numbers = shares.map(|share| ((of * share) as usize).max(1)).to_vec();
        numbers.dedup();
        numbers
    }

    /// How many numbers those are, at most.
    pub(super) fn tunings(self) -> usize {
        match self {
            Self::Axum | Self::AxumGate | Self::AxumServe | Self::Actix => 0,
            Self::AxumLimit | Self::NginxConn => LIMITS.len(),
            Self::NginxReq => RATES.len(),
        }
    }

    /// What its number is, for the report.
    pub(super) fn number_is(self) -> &'static str {
        match self {
            Self::Axum | Self::AxumGate | Self::AxumServe | Self::Actix => "nothing",
            Self::AxumLimit => "requests at once",
            Self::NginxConn => "connections at once",
            Self::NginxReq => "requests a second",
        }
    }

    /// `limit_conn` cannot be 0, neither bare server refuses anything, and a gate without places
    /// has one.
    pub(super) fn can_refuse_all(self) -> bool {
        matches!(self, Self::AxumLimit | Self::NginxReq)
    }

    pub(super) fn back(self, place: &Place<'_>, handler: Handler, intake: Intake) -> Program {
        let framework = match self {
            Self::Actix => "actix",
            Self::AxumServe => "serve",
            _ => "axum",
        };
        let bound = match (self, intake) {
            (Self::AxumLimit, Intake::Ruled(limit)) => limit.map(|n| ("--limit", n.to_string())),
            (Self::AxumLimit, Intake::Nothing) => Some(("--limit", "0".to_owned())),
            (Self::AxumGate | Self::AxumServe, Intake::Ruled(_)) => {
                Some(("--target", place.target.as_millis().to_string()))
            }
            _ => None,
        };
        let mut arguments = vec![framework, handler.domain.name()];
        arguments.extend(bound.iter().flat_map(|(option, n)| [*option, n.as_str()]));
        Program::new(place.peers.join(PEERS), &arguments)
    }

    /// How nginx limits what goes to the server behind it, as lines of its configuration for the
    /// zone and the place; none where there is no nginx.
    pub(super) fn nginx_limit(
        self,
        handler: Handler,
        target: Duration,
        intake: Intake,
    ) -> Option<nginx::Limit> {
        match (self, intake) {
            (Self::Axum | Self::AxumLimit | Self::AxumGate | Self::AxumServe | Self::Actix, _) => {
                None
            }
            (Self::NginxConn, Intake::Ruled(Some(n))) => Some(nginx::Limit::connections(n)),
            (Self::NginxReq, Intake::Ruled(Some(n))) => {
                let burst = (in_time(handler, target) * BURST) as usize;
                Some(nginx::Limit::rate(&format!("{n}r/s"), burst.max(1)))
            }
            // The least there is: one a minute.
            (Self::NginxReq, Intake::Nothing) => Some(nginx::Limit::rate("1r/m", 0)),
            (Self::NginxConn | Self::NginxReq, _) => Some(nginx::Limit::default()),
        }
    }
}

/// Requests that can be handled one after the other within the target.
fn in_time(handler: Handler, target: Duration) -> f64 {
    target.as_secs_f64() / handler.work.mean().as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_follow_the_handler_the_target_and_the_capacity() {
        let target = Duration::from_millis(50);
        let numbers =
            |peer: Peer, handler: &str| peer.numbers(handler.parse().unwrap(), target, 480.0);
        assert_eq!(numbers(Peer::NginxConn, "inline:2ms"), [4, 8, 16, 24]);
        assert_eq!(numbers(Peer::AxumLimit, "pool:20ms"), [1, 2]);
        assert_eq!(numbers(Peer::NginxReq, "inline:2ms"), [408, 432, 456, 480]);
        assert!(numbers(Peer::Actix, "inline:2ms").is_empty());
    }
}
