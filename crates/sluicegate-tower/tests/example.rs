//! The example's app, asked over a real connection and for too much.

#[allow(dead_code, reason = "the example's own entry point")]
#[path = "../examples/axum_gate.rs"]
mod example;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tower::ServiceExt;

#[tokio::test]
async fn it_serves_and_shows_its_gate() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it listens");
    let server = axum::serve(listener, example::app(Arc::new(Semaphore::new(4))));
    let server = tokio::spawn(server.into_future());
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    let shown = "\"served\":1,";
    let asks = [("/search", "found"), ("/gates/", "api/net"), ("/gates/api/net", shown)];
    for (path, says) in asks {
        let close = if says == shown { "close" } else { "keep-alive" };
        let ask = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: {close}\r\n\r\n");
        stream.write_all(ask.as_bytes()).await.expect("it reads");
        let mut answer = String::new();
        while !answer.contains(says) {
            let mut bytes = [0; 4096];
            let n = stream.read(&mut bytes).await.expect("it answers");
            assert!(n > 0, "it ended before {says:?}: {answer}");
            answer.push_str(&String::from_utf8_lossy(&bytes[..n]));
        }
    }
    server.abort();
}

#[tokio::test(start_paused = true)]
async fn asked_for_too_much_it_serves_gold_first() {
    let app = example::app(Arc::new(Semaphore::new(4)));
    let ask = |gold: bool| {
        let request = Request::get("/search");
        let request = if gold { request.header("x-gold", "1") } else { request };
        let request = request.body(Body::empty()).expect("a request");
        tokio::spawn(app.clone().oneshot(request))
    };
    let mut served = [0, 0];
    let mut calls = Vec::new();
    // For 2 s each 2 ms two, of which one in eight is gold: 125 gold a second, of 400 served.
    for n in 0..2000 {
        let gold = n % 8 == 0;
        calls.push((gold, ask(gold)));
        if n % 2 == 1 {
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
    }
    for (gold, call) in calls {
        let answer = call.await.expect("no panic").expect("no error");
        served[usize::from(gold)] += u32::from(answer.status() == StatusCode::OK);
    }
    assert_eq!(served[1], 250, "all of gold");
    assert!((480..=600).contains(&served[0]), "{served:?}");
}
