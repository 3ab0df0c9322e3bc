//! The example with a database, asked for more than its connections can do.

#[allow(dead_code, reason = "the example's own entry point")]
#[path = "../examples/database.rs"]
mod example;

use axum::body::{Body, to_bytes};
use axum::http::Request;
use example::{BOOKS, CONNECTIONS, Database, app, drive};
use serde_json::Value;
use tower::ServiceExt;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_search_is_answered_or_refused_and_no_connection_is_lost() {
    let database = Database::make().expect("a place for files");
    let (app, admin) = app(database.clone());
    let request = Request::get("/search/sea").body(Body::empty()).expect("a request");
    let answer = app.clone().oneshot(request).await.expect("it cannot fail");
    let body = to_bytes(answer.into_body(), 100).await.expect("a body");
    assert_eq!(body, format!("{} found\n", BOOKS / 10));

    let counts = drive(&app, 100, 5).await;
    let (served, refused) = (counts[&200], counts.get(&503).copied().unwrap_or_default());
    assert_eq!(served + refused, 500, "{counts:?}");
    let shown: Value = serde_json::from_str(&admin.json()).expect("JSON");
    let gate = &shown["stages"][0];
    assert_eq!((&gate["served"], &gate["running"]), (&(served + 1).into(), &0.into()));
    assert_eq!((&gate["refused"]["shed"], &gate["queued"]), (&refused.into(), &0.into()));
    assert_eq!(gate["concurrency"], CONNECTIONS);
    assert_eq!(database.idle(), CONNECTIONS);
}
