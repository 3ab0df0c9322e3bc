//! How requests end that are not just answered.

use crate::client::Client;
use crate::servers::Under;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::routing::get;
use futures_util::stream;
use std::convert::Infallible;
use std::sync::Arc;
use tokio::sync::{Notify, mpsc};

pub async fn a_stop_lets_answers_end(under: Under) {
    let (begun, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (tell, wait) = (Arc::clone(&begun), Arc::clone(&go_on));
    let held = move || async move {
        tell.notify_one();
        wait.notified().await;
        "done"
    };
    let serving = under.serve(Router::new().route("/", get(held))).await;
    let mut idle = Client::to(serving.addr).await;
    idle.send("GET /none HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(idle.answer().await.head.status, 404);
    let mut client = Client::to(serving.addr).await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    begun.notified().await;
    let over = serving.stop();
    assert_eq!(idle.rest().await, b"", "who asks nothing is sent away");
    assert!(!over.is_finished(), "one is being answered");
    go_on.notify_one();
    assert_eq!(client.answer().await.text(), "done");
    assert_eq!(client.rest().await, b"");
    over.await.expect("no panic").expect("no error");
}

pub async fn who_leaves_is_not_served_further(under: Under) {
    let (tell, mut told) = mpsc::unbounded_channel();
    let in_handler = tell.clone();
    let handler = || async move {
        let _guard = Guard::new("handler", in_handler);
        std::future::pending::<()>().await;
    };
    let body = || async move {
        let guard = Guard::new("body", tell);
        let pieces = stream::unfold((guard, 0), |(guard, n)| async move {
            if n == 3 {
                std::future::pending::<()>().await;
            }
            Some((Ok::<_, Infallible>(Bytes::from_static(b"piece")), (guard, n + 1)))
        });
        Body::from_stream(pieces)
    };
    let app = Router::new().route("/handler", get(handler)).route("/body", get(body));
    let serving = under.serve(app).await;
    for place in ["handler", "body"] {
        let mut client = Client::to(serving.addr).await;
        client.send(format!("GET /{place} HTTP/1.1\r\nHost: a\r\n\r\n")).await;
        assert_eq!(told.recv().await, Some((place, "begun")));
        drop(client);
        assert_eq!(told.recv().await, Some((place, "dropped")));
    }
    serving.over().await;
}

/// Tells when it is dropped.
struct Guard(&'static str, mpsc::UnboundedSender<(&'static str, &'static str)>);

impl Guard {
    fn new(
        place: &'static str,
        tell: mpsc::UnboundedSender<(&'static str, &'static str)>,
    ) -> Guard {
        let _ = tell.send((place, "begun"));
        Guard(place, tell)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.1.send((self.0, "dropped"));
    }
}

pub async fn a_panic_ends_its_request_alone(under: Under) {
    async fn fail() -> &'static str {
        panic!("as asked")
    }
    let app = Router::new().route("/panic", get(fail)).route("/", get(|| async { "well" }));
    let serving = under.serve(app).await;
    // However often: one route that panics is no reason to refuse the others.
    for _ in 0..100 {
        let mut client = Client::to(serving.addr).await;
        client.send("GET /panic HTTP/1.1\r\nHost: a\r\n\r\n").await;
        if under.answers_panics() {
            assert_eq!(client.answer().await.head.status, 500);
        } else {
            assert_eq!(client.rest().await, b"");
        }
    }
    let mut another = Client::to(serving.addr).await;
    assert_eq!(another.get("/").await.text(), "well");
    serving.over().await;
}
