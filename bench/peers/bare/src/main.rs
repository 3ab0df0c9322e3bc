//! Serves the small files of a directory from memory: one thread, one loop, no kernel.
//!
//! It does the work that Sluicegate does for a hit in its cache (wait, receive, parse, deadlines,
//! look up, conditions and ranges, prebuilt reply, replies of one connection joined in one write)
//! with the same parts, but calls them directly. What Sluicegate costs more is the cost of staging.
#![forbid(unsafe_code)]

use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context, Result, bail};
use sluicegate_io::Asked;
use sluicegate_web::{Config, Direct, Machine, Settings};

mod conn;
mod deadlines;
mod server;

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let [dir, "--listen", address, "--io", io] = words.as_slice() else {
        bail!("usage: bare DIR --listen ADDRESS --io uring|epoll");
    };
    let asked = match *io {
        "uring" => Asked::Uring,
        "epoll" => Asked::Epoll,
        other => bail!("--io {other}: accepted are uring and epoll"),
    };
    let address: SocketAddr =
        address.parse().with_context(|| format!("{address} is no address such as 127.0.0.1:80"))?;
    let machine = Machine { cpus: 1, ..Machine::found() };
    let config = Config::new(&Settings::default(), machine)?;
    let site = Direct::open(Path::new(dir), &config).with_context(|| format!("open {dir}"))?;
    server::run(site, address, asked)
}
