//! Requests and answers without much of a body.

use crate::apps::hello;
use crate::client::Client;
use crate::servers::Under;
use axum::Router;
use axum::extract::{ConnectInfo, Request};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::{AppendHeaders, IntoResponse};
use axum::routing::get;
use std::net::SocketAddr;
use std::time::Duration;

pub async fn a_page_and_its_head(under: Under) {
    let serving = under.serve(hello::app()).await;
    let mut client = Client::to(serving.addr).await;
    for _ in 0..2 {
        let answer = client.get("/").await;
        assert_eq!((answer.head.status, answer.text()), (200, "Hello, World!"));
        assert_eq!(answer.head.field("content-type"), Some("text/plain; charset=utf-8"));
        assert!(answer.head.field("date").is_some());
        client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        let head = client.head().await;
        assert_eq!((head.status, head.field("content-length")), (200, Some("13")));
    }
    client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    let answer = client.answer().await;
    assert_eq!(answer.head.field("connection"), Some("close"));
    assert_eq!(client.rest().await, b"");
    drop(client);
    serving.over().await;
}

pub async fn what_is_not_there(under: Under) {
    let serving = under.serve(hello::app()).await;
    let mut client = Client::to(serving.addr).await;
    assert_eq!(client.get("/none").await.head.status, 404);
    let answer = client.post("/", "text/plain", "").await;
    assert_eq!((answer.head.status, answer.head.field("allow")), (405, Some("GET,HEAD")));
    serving.over().await;
}

pub async fn fields_go_both_ways(under: Under) {
    let echo = |headers: HeaderMap, uri: Uri| async move {
        let all = headers.get_all("x-in").iter().cloned().collect::<Vec<_>>();
        let all = all.into_iter().map(|value| ("x-out", value));
        (StatusCode::IM_A_TEAPOT, AppendHeaders(all.collect::<Vec<_>>()), uri.to_string())
    };
    let bytes = || async { [("x-bytes", HeaderValue::from_bytes(b"\xe9t\xe9").expect("legal"))] };
    let nothing = || async { StatusCode::NO_CONTENT };
    let close = || async { [("connection", "close")].into_response() };
    let app = Router::new()
        .route("/a%20b/{*rest}", get(echo))
        .route("/bytes", get(bytes))
        .route("/nothing", get(nothing))
        .route("/close", get(close));
    let app = app.route("/{*rest}", get(echo));
    let serving = under.serve(app).await;
    let mut client = Client::to(serving.addr).await;
    let ask = "GET /p%20q/..?c=d%20e HTTP/1.1\r\nHost: a\r\nX-In: 1\r\nx-in: 2\r\n\r\n";
    client.send(ask).await;
    let answer = client.answer().await;
    assert_eq!((answer.head.status, answer.text()), (418, "/p%20q/..?c=d%20e"));
    assert_eq!(answer.head.all("x-out").collect::<Vec<_>>(), ["1", "2"]);
    assert_eq!(answer.head.field("x-in"), None);
    let answer = client.get("/nothing").await;
    assert_eq!((answer.head.status, answer.head.field("content-length")), (204, None));
    let answer = client.get("/close").await;
    assert_eq!((answer.head.status, answer.head.field("connection")), (200, Some("close")));
    assert_eq!(client.rest().await, b"");
    let mut client = Client::to(serving.addr).await;
    client.send("GET /bytes HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    let answer = client.rest().await;
    assert!(answer.windows(3).any(|bytes| bytes == b"\xe9t\xe9"), "as it was given");
    drop(client);
    serving.over().await;
}

pub async fn requests_in_a_row_are_answered_in_order(under: Under) {
    let slow = |uri: Uri| async move {
        let ms = uri.path().trim_start_matches('/').parse().expect("a number");
        tokio::time::sleep(Duration::from_millis(ms)).await;
        uri.path().to_owned()
    };
    let serving = under.serve(Router::new().route("/{ms}", get(slow))).await;
    let mut client = Client::to(serving.addr).await;
    let row = ["/30", "/0", "/10", "/1"];
    client.send(row.map(|path| format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n")).concat()).await;
    for path in row {
        assert_eq!(client.answer().await.text(), path);
    }
    serving.over().await;
}

pub async fn who_asks_is_known(under: Under) {
    let peer = |ConnectInfo(addr): ConnectInfo<SocketAddr>| async move { addr.to_string() };
    let serving = under.serve(Router::new().route("/", get(peer))).await;
    let mut client = Client::to(serving.addr).await;
    let own = client.stream.local_addr().expect("it is connected").to_string();
    assert_eq!(client.get("/").await.text(), own);
    serving.over().await;
}

pub async fn handlers_run_in_tokio(under: Under) {
    let work = |request: Request| async move {
        let computed = tokio::task::spawn_blocking(move || request.uri().path().len());
        let (sent, got) = tokio::sync::oneshot::channel();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(1)).await;
            let _ = sent.send(computed.await);
        });
        let computed = got.await.expect("it is sent").expect("no panic");
        tokio::task::yield_now().await;
        computed.to_string()
    };
    let serving = under.serve(Router::new().route("/{*path}", get(work))).await;
    let mut client = Client::to(serving.addr).await;
    assert_eq!(client.get("/12345").await.text(), "6");
    serving.over().await;
}
