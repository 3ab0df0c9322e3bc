//! What users of `axum::serve` complain of where connections are concerned, each beside `serve`.
//!
//! Each test shows first that the complaint is true.

use crate::client::Client;
use axum::Router;
use axum::routing::get;
use sluicegate_tower::{Asked, Serve};
use std::io::ErrorKind;
use std::net::SocketAddr;
use tokio::net::TcpListener;

const BACKENDS: [Asked; 2] = [Asked::Epoll, Asked::Uring];

fn app() -> Router {
    Router::new().route("/", get(async || "Hello, World!"))
}

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let addr = listener.local_addr().expect("it listens");
    (listener, addr)
}

async fn axum() -> SocketAddr {
    let (listener, addr) = listener().await;
    tokio::spawn(axum::serve(listener, app()).into_future());
    addr
}

async fn ours(io: Asked, settings: impl FnOnce(Serve<Router>) -> Serve<Router>) -> SocketAddr {
    let (listener, addr) = listener().await;
    let serve = settings(sluicegate_tower::serve(listener, app()).io(io).workers(1));
    tokio::spawn(serve.into_future());
    addr
}

/// Whether nothing has come, and the peer has not closed.
fn is_silent(client: &Client) -> bool {
    let nothing = client.stream.try_read(&mut [0; 64]);
    matches!(nothing, Err(error) if error.kind() == ErrorKind::WouldBlock)
}

/// No bound of connections: axum#3489, axum#3478, pingora#447.
#[tokio::test]
async fn connections_have_a_bound() {
    const MOST: usize = 8;
    let settings = format!("[limits]\nconnections = {MOST}\nwhen_full = \"refuse\"\n");
    for io in BACKENDS {
        let addr = ours(io, |serve| serve.config(settings.clone())).await;
        let mut all = Vec::new();
        for _ in 0..MOST {
            let mut client = Client::to(addr).await;
            assert_eq!(client.get("/").await.head.status, 200);
            all.push(client);
        }
        let mut more = Client::to(addr).await;
        let answer = more.answer().await;
        assert_eq!((answer.head.status, answer.head.field("retry-after")), (503, Some("1")));
    }
    let addr = axum().await;
    let mut all = Vec::new();
    for _ in 0..=MOST * 8 {
        let mut client = Client::to(addr).await;
        assert_eq!(client.get("/").await.head.status, 200, "whoever comes is let in");
        all.push(client);
    }
}

/// Half a head holds a connection for ever: hyper#2675, hyper#3395, axum#3478.
#[tokio::test]
async fn half_a_head_is_not_waited_for_without_end() {
    let mut at_axum = Client::to(axum().await).await;
    at_axum.send("GET / HTTP/1.1\r\nHost:").await;
    for io in BACKENDS {
        let settings = "[limits]\nhead_time = \"1s\"\n";
        let mut client = Client::to(ours(io, |serve| serve.config(settings)).await).await;
        client.send("GET / HTTP/1.1\r\nHost:").await;
        assert_eq!(client.answer().await.head.status, 408);
        assert_eq!(client.rest().await, b"", "and closed");
    }
    assert!(is_silent(&at_axum), "axum still waits");
}
