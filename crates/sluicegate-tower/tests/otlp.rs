//! An app that is served, whose slow requests come to a collector.
#![cfg(feature = "serve")]

#[path = "../../sluicegate-admin/tests/otlp/collector.rs"]
mod collector;

use axum::Router;
use axum::routing::get;
use collector::{Answer, Collector};
use serde_json::Value;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;
use tokio::task::spawn_blocking;

fn app() -> Router {
    let slow = || async {
        tokio::time::sleep(Duration::from_millis(120)).await;
        "slow"
    };
    Router::new().route("/slow", get(slow))
}

fn ask(addr: SocketAddr) -> String {
    let mut stream = TcpStream::connect(addr).expect("it listens");
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let head = format!("GET /slow HTTP/1.1\r\nHost: a\r\ntraceparent: {parent}\r\n");
    stream.write_all(format!("{head}Connection: close\r\n\r\n").as_bytes()).expect("it stands");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_requests_come_to_a_collector_with_and_without_an_admin_listener() {
    for admin in [false, true] {
        let collector = Collector::new(|_| Answer::Take);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let addr = listener.local_addr().expect("it listens");
        let serve = sluicegate_tower::serve(listener, app()).workers(1);
        let serve = serve.otlp(&collector.endpoint(), "shop");
        let serve = match admin {
            true => serve.admin("127.0.0.1:0".parse().expect("an address")),
            false => serve,
        };
        let serving = serve.start().expect("it starts");
        let answer = spawn_blocking(move || ask(addr)).await.expect("no panic");
        assert!(answer.ends_with("slow"), "{answer}");
        // What is kept is sent in the end, at the latest.
        let served = serving.drain().await.expect("the runtime goes on");
        assert!(served.complete && served.flows_even);
        let requests = collector.requests();
        let [request] = &requests[..] else { panic!("{requests:?}") };
        let sent: Value = serde_json::from_str(&request.body).expect("JSON");
        let sent = &sent["resourceSpans"][0];
        let name = &sent["resource"]["attributes"][0];
        assert_eq!(
            (&name["key"], &name["value"]["stringValue"]),
            (&"service.name".into(), &"shop".into())
        );
        let root = &sent["scopeSpans"][0]["spans"][0];
        assert_eq!(root["traceId"], "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(root["parentSpanId"], "b7ad6b7169203331");
    }
}

#[tokio::test]
async fn what_is_no_collector_is_said() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let serve = sluicegate_tower::serve(listener, app()).otlp("https://127.0.0.1:4318", "shop");
    let error = serve.start().expect_err("TLS is not spoken").to_string();
    assert!(error.starts_with("otlp(): `otlp.endpoint`: \"https://"), "{error}");
}
