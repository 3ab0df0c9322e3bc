//! Without descriptors nobody can be let in: who comes then is told, and who comes when there is one
//! again is served.
//!
//! One test alone in its process, whose table it fills.

#[path = "serve/client.rs"]
#[allow(dead_code, reason = "the client can do more")]
mod client;

use axum::Router;
use axum::routing::get;
use client::Client;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use sluicegate_tower::Asked;
use std::fs::File;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::spawn_blocking;

/// Few, so that they are soon taken.
const DESCRIPTORS: u64 = 256;

/// All descriptors that this process may have but one.
fn leave_one_descriptor() -> Vec<File> {
    let mut taken = Vec::new();
    while let Ok(file) = File::open("/dev/null") {
        taken.push(file);
    }
    taken.pop();
    taken
}

/// Whether nothing has come, and the peer has not closed.
fn is_silent(client: &Client) -> bool {
    let nothing = client.stream.try_read(&mut [0; 64]);
    matches!(nothing, Err(error) if error.kind() == ErrorKind::WouldBlock)
}

/// Fills the table of descriptors with connections, and has one more come: that one, one that is
/// open, and what else takes places.
async fn fill(addr: SocketAddr) -> (Client, Client, Vec<File>) {
    let mut open = Client::to(addr).await;
    assert_eq!(open.get("/").await.text(), "Hello, World!");
    let taken = leave_one_descriptor();
    // It takes the last one, so that the server has none for it.
    let mut late = Client::to(addr).await;
    late.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    for _ in 0..20 {
        assert_eq!(open.get("/").await.head.status, 200, "who is there is served");
    }
    (late, open, taken)
}

fn app() -> Router {
    Router::new().route("/", get(async || "Hello, World!"))
}

/// hyper#1358, actix-net#100; the listener of axum sleeps for a second.
#[tokio::test(start_paused = true)]
async fn who_comes_without_a_descriptor_is_told_and_the_next_is_served() {
    let most = getrlimit(Resource::Nofile).maximum;
    let few = Rlimit { current: Some(DESCRIPTORS), maximum: most };
    setrlimit(Resource::Nofile, few).expect("fewer are always allowed");
    for io in [Asked::Epoll, Asked::Uring] {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let addr = listener.local_addr().expect("it listens");
        let serve = sluicegate_tower::serve(listener, app()).io(io).workers(1);
        let task = tokio::spawn(serve.into_future());
        let (mut late, open, taken) = fill(addr).await;
        assert_eq!(late.rest().await, b"", "it is closed");
        drop(taken);
        assert_eq!(Client::to(addr).await.get("/").await.text(), "Hello, World!");
        drop(open);
        task.abort();
        assert!(task.await.is_err_and(|error| error.is_cancelled()), "it served until now");
    }
    at_axum_it_waits().await;
}

async fn at_axum_it_waits() {
    // Tokio's time stands still while a thread of its is busy.
    let (awake, sleeps) = oneshot::channel::<()>();
    let still = spawn_blocking(move || sleeps.blocking_recv());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let addr = listener.local_addr().expect("it listens");
    tokio::spawn(axum::serve(listener, app()).into_future());
    let (mut late, mut open, taken) = fill(addr).await;
    assert!(is_silent(&late), "nobody tells it");
    drop(taken);
    for _ in 0..20 {
        assert_eq!(open.get("/").await.head.status, 200);
    }
    assert!(is_silent(&late), "axum sleeps, though there is a place");
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(late.answer().await.text(), "Hello, World!");
    drop(awake);
    let _ = still.await;
}
