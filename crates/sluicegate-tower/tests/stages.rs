//! The example of stages behind axum: answered by the net, refused without one.

#[allow(dead_code, reason = "the example's own entry point")]
#[path = "../examples/stages.rs"]
mod example;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use std::time::Duration;
use tower::ServiceExt;

async fn ask(app: &Router, text: &str) -> (StatusCode, String) {
    let request = Request::post("/words").body(Body::from(text.to_owned())).expect("a request");
    let answer = app.clone().oneshot(request).await.expect("no error");
    let (status, body) = (answer.status(), to_bytes(answer.into_body(), 1024).await);
    (status, String::from_utf8(body.expect("a short body").to_vec()).expect("text"))
}

#[tokio::test]
async fn stages_answer_what_axum_asks() {
    let (net, work) = example::net();
    let app = example::app(work);
    let (status, _) = ask(&app, "nobody counts yet").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "the net does not run");
    let running = net.run().expect("a net without faults");
    let counted = ask(&app, "one two\nthree").await;
    assert_eq!(counted, (StatusCode::OK, "3 words\n".to_owned()));
    let ledger = running.drain(Duration::from_secs(10)).ledger;
    assert!(ledger.balanced() && ledger.finished == 1, "{ledger:?}");
}
