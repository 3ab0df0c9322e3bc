//! A directory served by axum through tower-http's `ServeDir`, on one worker of tokio's runtime,
//! which reads files in its pool of blocking threads: as the documentation shows it, with the
//! backlog of Sluicegate's listener, and without Nagle's delay, by which each answer of two writes
//! would wait 40 ms for the client.
#![forbid(unsafe_code)]

use std::net::SocketAddr;

use anyhow::{Context, Result, bail};
use axum::Router;
use axum::serve::ListenerExt;
use tokio::net::TcpSocket;
use tokio::runtime::Builder;
use tower_http::services::ServeDir;

/// Connections that may wait to be accepted.
const BACKLOG: u32 = 4096;

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [dir, option, address] = args.as_slice() else {
        bail!("usage: serve-dir DIR --listen ADDR")
    };
    if option != "--listen" {
        bail!("{option}: --listen is accepted");
    }
    let address: SocketAddr = address.parse().context("--listen takes ADDRESS:PORT")?;
    let router = Router::new().fallback_service(ServeDir::new(dir));
    Builder::new_multi_thread().worker_threads(1).enable_all().build()?.block_on(async {
        // A task of the worker's: the thread that blocks here is not it.
        tokio::spawn(async move {
            let socket = TcpSocket::new_v4()?;
            socket.set_reuseaddr(true)?;
            socket.bind(address)?;
            let listener = socket.listen(BACKLOG)?.tap_io(|stream| {
                // Failing, it is served all the same.
                let _ = stream.set_nodelay(true);
            });
            Ok(axum::serve(listener, router).await?)
        })
        .await?
    })
}
