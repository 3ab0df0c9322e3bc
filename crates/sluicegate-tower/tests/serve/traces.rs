//! The trace of a request, as its handler passes it on and as the admin listener tells of it.

use crate::client::Client;
use axum::extract::Request;
use axum::routing::any;
use axum::{Extension, Router};
use serde_json::Value;
use sluicegate_tower::{Asked, TraceParent};
use std::net::SocketAddr;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

/// Says what it would pass on, and the fields that came.
async fn handler(Extension(trace): Extension<TraceParent>, request: Request) -> String {
    let came = |name| {
        let fields = request.headers().get_all(name).iter();
        fields.map(|value| value.to_str().expect("text")).collect::<Vec<_>>().join(",")
    };
    format!("{trace} {} {}", came("traceparent"), came("tracestate"))
}

#[tokio::test]
async fn a_handler_passes_on_the_span_that_is_told_of_its_request() {
    for io in [Asked::Epoll, Asked::Uring] {
        let app = Router::new().fallback(any(handler));
        let (any_port, no_port) = (SocketAddr::from(([127, 0, 0, 1], 0)), "127.0.0.1:0");
        let serve = sluicegate_tower::serve(any_port, app).io(io).workers(1).with_traceparent();
        let serving = serve.admin(no_port.parse().expect("an address")).start().expect("it starts");
        let at = |addr: String| addr.parse::<SocketAddr>().expect("an address");
        let mut client = Client::to(at(serving.listening()[0].to_string())).await;
        let field = format!("traceparent: 00-{TRACE}-{PARENT}-01\r\ntracestate: a=1\r\n");
        let end = "Host: a\r\n\r\n";
        client.send(format!("GET / HTTP/1.1\r\n{field}{end}")).await;
        let whole = client.answer().await.text().to_owned();
        // What comes later than its first byte is of the flow that this began.
        let head = format!("POST / HTTP/1.1\r\nContent-Length: 3\r\n{field}{end}");
        for part in [&head, "a", "bc"] {
            client.send(part).await;
            tokio::task::yield_now().await;
        }
        let in_parts = client.answer().await.text().to_owned();
        let own = client.get("/").await.text().to_owned();

        let mut spans = Vec::new();
        for text in [&whole, &in_parts] {
            let told: Vec<_> = text.split(' ').collect();
            let [passed_on, came, state] = told[..] else { panic!("three words: {text}") };
            assert_eq!((came, state), (&*format!("00-{TRACE}-{PARENT}-01"), "a=1"), "as it came");
            let span = &passed_on[36..52];
            assert_eq!(passed_on, format!("00-{TRACE}-{span}-01"));
            spans.push(span.to_owned());
        }
        assert!(spans[0] != spans[1] && !spans.iter().any(|span| span == PARENT));
        assert!(own.starts_with("00-") && own.trim_end().ends_with("-00"), "{own}");
        assert!(!own.contains(TRACE));

        let admin = at(serving.admin().expect("there is one").to_string());
        let told = Client::to(admin).await.get("/api/flows?why=sampled").await;
        let told: Value = serde_json::from_str(told.text()).expect("JSON");
        let flows = told["flows"].as_array().expect("a list");
        let said: Vec<_> = flows
            .iter()
            .map(|flow| (flow["trace"].clone(), flow["span"].clone(), flow["parent"].clone()))
            .collect();
        let expected = |span: &String| (TRACE.into(), span.as_str().into(), PARENT.into());
        assert_eq!(said, spans.iter().map(expected).collect::<Vec<_>>());
        serving.drain().await.expect("it ends");
    }
}
