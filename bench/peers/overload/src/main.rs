//! Web servers that users know, and an app of axum's behind Sluicegate's own sockets: each with one
//! thread for requests, and the handler that burns CPU.
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

/// What is to be run.
struct Plan {
    domain: Domain,
    bound: Bound,
    /// What moves the bytes of Sluicegate's server.
    io: Option<String>,
    listen: SocketAddr,
}

const USAGE: &str = "usage: overload-peer axum|actix|serve inline|pool [--limit N | --target MS] \
    [--io NAME] [--listen ADDR]; --limit is for axum, --target for axum and serve, --io for serve";

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [peer, domain, options @ ..] = args.as_slice() else { bail!(USAGE) };
    let domain = match domain.as_str() {
        "inline" => Domain::Inline,
        "pool" => Domain::Pool,
        other => bail!("{other} is no domain; accepted are inline and pool"),
    };
    let listen = (Ipv4Addr::LOCALHOST, 0).into();
    let mut plan = Plan { domain, bound: Bound::None, io: None, listen };
    for option in options.chunks(2) {
        let [name, value] = option else { bail!(USAGE) };
        match name.as_str() {
            "--limit" => plan.bound = Bound::Limit(number(name, value)?),
            "--target" => {
                plan.bound = Bound::Target(Duration::from_millis(number(name, value)?));
            }
            "--io" => plan.io = Some(value.clone()),
            "--listen" => plan.listen = value.parse().context("--listen takes ADDRESS:PORT")?,
            _ => bail!(USAGE),
        }
    }
    match (peer.as_str(), plan.bound) {
        ("axum", _) => tokio_axum::run(plan),
        ("serve", Bound::None | Bound::Target(_)) => tokio_axum::serve(plan),
        ("actix", Bound::None) => actix::run(plan),
        ("actix" | "serve", _) => bail!(USAGE),
        (other, _) => bail!("{other} is no peer; accepted are axum, serve and actix"),
    }
}

fn number<T: FromStr<Err = ParseIntError>>(option: &str, text: &str) -> Result<T> {
    text.parse().with_context(|| format!("{option} {text} is no number"))
}

/// Tells whoever started it where it listens.
fn tell(address: SocketAddr) -> Result<()> {
    let mut out = std::io::stdout();
    writeln!(out, "site on http://{address}/").and_then(|()| out.flush()).context("stdout")
}
