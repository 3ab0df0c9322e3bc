//! Bodies in pieces.

use crate::apps;
use crate::client::Client;
use crate::servers::Under;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::routing::get;
use futures_util::{StreamExt, stream};
use std::io;

const CHUNKED: &str = "HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

pub async fn up_and_down_at_once(under: Under) {
    let serving = under.serve(apps::stream::app()).await;
    let mut client = Client::to(serving.addr).await;
    client.send(format!("POST /upper {CHUNKED}")).await;
    client.send("3\r\nabc\r\n").await;
    // The rest is sent when the first has come back.
    let head = client.head().await;
    assert_eq!((head.status, head.field("content-length")), (200, None));
    assert_eq!(client.chunk().await.as_deref(), Some(&b"ABC"[..]));
    client.send("2\r\nde\r\n").await;
    assert_eq!(client.chunk().await.as_deref(), Some(&b"DE"[..]));
    client.send("0\r\n\r\n").await;
    assert_eq!(client.chunk().await, None);
    // The connection goes on.
    let answer = client.post("/upper", "text/plain", "x").await;
    assert_eq!(answer.text(), "X");
    serving.over().await;
}

pub async fn up_without_being_kept(under: Under) {
    let serving = under.serve(apps::stream::app()).await;
    let mut client = Client::to(serving.addr).await;
    let piece = [b'x'; 1000];
    client.send(format!("POST /count {CHUNKED}")).await;
    let chunk = [b"3e8\r\n".as_slice(), &piece, b"\r\n"].concat();
    for _ in 0..64 {
        client.send(chunk.repeat(100)).await;
    }
    client.send("0\r\n\r\n").await;
    assert_eq!(client.answer().await.text(), "6400000 bytes\n");
    let answer = client.post("/count", "text/plain", piece.repeat(6400)).await;
    assert_eq!(answer.text(), "6400000 bytes\n");
    serving.over().await;
}

pub async fn down_without_an_end(under: Under) {
    let serving = under.serve(apps::stream::app()).await;
    for version in ["1.1", "1.0"] {
        let mut client = Client::to(serving.addr).await;
        client.send(format!("GET /numbers HTTP/{version}\r\nHost: a\r\n\r\n")).await;
        let head = client.head().await;
        assert_eq!(head.field("content-length"), None);
        let mut text = Vec::new();
        while text.len() < 1 << 20 {
            match version {
                "1.1" => text.extend(client.chunk().await.expect("it does not end")),
                _ => text.extend(client.take(4096).await),
            }
        }
        let lines = String::from_utf8(text).expect("text");
        let complete = lines.rsplit_once('\n').expect("lines").0;
        assert!(complete.lines().enumerate().all(|(n, line)| line == n.to_string()));
    }
    // The clients have left: nothing of theirs keeps the server from ending.
    serving.over().await;
}

pub async fn a_stream_that_breaks_off(under: Under) {
    let broken = || async {
        let pieces = [Ok(Bytes::from_static(b"abc")), Err(io::Error::other("broken"))];
        // The error comes when the first piece has been given.
        Body::from_stream(stream::iter(pieces).then(async |piece| {
            tokio::task::yield_now().await;
            piece
        }))
    };
    let serving = under.serve(Router::new().route("/", get(broken))).await;
    let mut client = Client::to(serving.addr).await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let all = String::from_utf8(client.rest().await).expect("text");
    assert!(!all.contains("0\r\n\r\n"), "not taken for whole: {all}");
    serving.over().await;
}
