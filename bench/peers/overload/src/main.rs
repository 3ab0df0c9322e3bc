//! Web servers that users know, each with one thread for requests and the handler that burns CPU.
//!
//! The handler is that of `burn` in Sluicegate: the same path, query, clock and answer. Settings
//! are those that a user finds in the documentation, and defaults where none is needed; only the
//! backlog of the listener is that of Sluicegate, so that none loses connections for want of it.
#![forbid(unsafe_code)]

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::ParseIntError;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, Result, bail};

mod actix;
mod burn;
mod tokio_axum;

/// Connections that may wait to be accepted.
const BACKLOG: u32 = 4096;

/// Where a request is handled.
#[derive(Clone, Copy)]
enum Domain {
    /// In the thread that serves connections.
    Inline,
    /// In the framework's pool of blocking threads, of its default size.
    Pool,
}

/// What bounds what is handled.
#[derive(Clone, Copy)]
enum Bound {
    None,
    /// tower's limit, with so many at once; the rest are answered 503.
    Limit(usize),
    /// Sluicegate's gate, with this target.
    Target(Duration),
}

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let (peer, domain, bound) = match words.as_slice() {
        [peer, domain] => (*peer, *domain, Bound::None),
        [peer, domain, "--limit", n] => (*peer, *domain, Bound::Limit(number("--limit", n)?)),
        [peer, domain, "--target", ms] => {
            let target = Duration::from_millis(number("--target", ms)?);
            (*peer, *domain, Bound::Target(target))
        }
        _ => bail!(
            "usage: overload-peer axum|actix inline|pool [--limit N | --target MS]; both bounds \
             are for axum"
        ),
    };
    let domain = match domain {
        "inline" => Domain::Inline,
        "pool" => Domain::Pool,
        other => bail!("{other} is no domain; accepted are inline and pool"),
    };
    match (peer, bound) {
        ("axum", bound) => tokio_axum::run(domain, bound),
        ("actix", Bound::None) => actix::run(domain),
        ("actix", _) => bail!("--limit and --target are for axum; leave them out here"),
        (other, _) => bail!("{other} is no peer; accepted are axum and actix"),
    }
}

fn number<T: FromStr<Err = ParseIntError>>(option: &str, text: &str) -> Result<T> {
    text.parse().with_context(|| format!("{option} {text} is no number"))
}

/// Where it listens: a port that is free.
fn anywhere() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

/// Tells whoever started it where it listens.
fn tell(address: SocketAddr) -> Result<()> {
    let mut out = std::io::stdout();
    writeln!(out, "site on http://{address}/").and_then(|()| out.flush()).context("stdout")
}
