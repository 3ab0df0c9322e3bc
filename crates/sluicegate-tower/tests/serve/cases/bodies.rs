//! Bodies of requests, and what comes of them.

use crate::apps::{form, json};
use crate::client::Client;
use crate::servers::Under;
use axum::Router;
use axum::body::Bytes;
use axum::extract::DefaultBodyLimit;
use axum::routing::post;

pub async fn a_form(under: Under) {
    let serving = under.serve(form::app()).await;
    let mut client = Client::to(serving.addr).await;
    assert!(client.get("/").await.text().contains("<form method=post>"));
    let media = "application/x-www-form-urlencoded";
    let answer = client.post("/", media, "name=Ada+L%2E&age=36").await;
    assert_eq!((answer.head.status, answer.text()), (200, "Ada L. is 36\n"));
    assert_eq!(client.post("/", media, "name=Ada").await.head.status, 422);
    assert_eq!(client.post("/", "text/plain", "name=Ada&age=36").await.head.status, 415);
    serving.over().await;
}

pub async fn json(under: Under) {
    let serving = under.serve(json::app()).await;
    let mut client = Client::to(serving.addr).await;
    let answer = client.post("/notes", "application/json", r#"{"text":"milk"}"#).await;
    assert_eq!((answer.head.status, answer.text()), (201, r#"{"id":0,"text":"milk"}"#));
    let answer = client.get("/notes/0").await;
    assert_eq!((answer.head.status, answer.text()), (200, r#"{"id":0,"text":"milk"}"#));
    assert_eq!(client.get("/notes/1").await.head.status, 404);
    assert_eq!(client.post("/notes", "application/json", "{").await.head.status, 400);
    assert_eq!(client.post("/notes", "application/json", "{}").await.head.status, 422);
    serving.over().await;
}

pub async fn a_body_that_is_waited_for(under: Under) {
    let serving = under.serve(echo()).await;
    let mut client = Client::to(serving.addr).await;
    let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";
    client.send(head).await;
    assert_eq!(client.head().await.status, 100);
    client.send("he").await;
    client.send("llo").await;
    assert_eq!(client.answer().await.text(), "hello");
    // In chunks, cut anywhere.
    let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    for part in [head, "3\r\nab", "c\r\n", "2;x=y\r\nde\r\n0\r", "\n\r\n"] {
        client.send(part).await;
    }
    assert_eq!(client.answer().await.text(), "abcde");
    serving.over().await;
}

pub async fn bodies_of_megabytes(under: Under) {
    let serving = under.serve(echo()).await;
    let mut client = Client::to(serving.addr).await;
    let body: Vec<u8> = (0..8 << 20).map(|n: u32| (n % 251) as u8).collect();
    for _ in 0..2 {
        let answer = client.post("/", "application/octet-stream", &body).await;
        assert_eq!(answer.head.status, 200);
        assert!(answer.body == body);
    }
    serving.over().await;
}

pub async fn a_body_too_large_for_its_handler(under: Under) {
    let app = Router::new().route("/", post(|body: Bytes| async { body }));
    let serving = under.serve(app.layer(DefaultBodyLimit::max(1000))).await;
    let mut client = Client::to(serving.addr).await;
    assert_eq!(client.post("/", "text/plain", [b'x'; 1000]).await.body.len(), 1000);
    assert_eq!(client.post("/", "text/plain", [b'x'; 1001]).await.head.status, 413);
    serving.over().await;
}

fn echo() -> Router {
    let app = Router::new().route("/", post(|body: Bytes| async { body }));
    app.layer(DefaultBodyLimit::disable())
}
