//! An axum app behind a gate: `cargo run -p sluicegate-tower --example axum_gate`.
//!
//! `/search` waits for a database that has 4 connections, and is asked by two kinds of clients;
//! `/gates/` shows the gate, and is not behind it.

use axum::Router;
use axum::extract::{Request, State};
use axum::routing::get;
use sluicegate_tower::{Admin, Gate};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

/// What a query takes.
const QUERY: Duration = Duration::from_millis(10);

/// A database with as many connections as this has permits.
type Database = Arc<Semaphore>;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:8080").await?;
    println!("http://{0}/search, and its gate: http://{0}/gates/", listener.local_addr()?);
    axum::serve(listener, app(Arc::new(Semaphore::new(4)))).await
}

/// The app, in front of a database.
pub fn app(database: Database) -> Router {
    let gate = Gate::target(Duration::from_millis(100))
        .concurrency(database.available_permits())
        .class(|request: &Request| u8::from(request.headers().contains_key("x-gold")))
        .client(|request: &Request| request.headers().get("x-client").cloned());
    let admin = Admin::new().gate("search", &gate);
    Router::new()
        .route("/search", get(search))
        .with_state(database)
        .layer(gate)
        // What comes after the layer is not behind it.
        .nest_service("/gates/", admin)
}

async fn search(State(database): State<Database>) -> &'static str {
    let _connection = database.acquire().await.expect("nobody closes it");
    tokio::time::sleep(QUERY).await;
    "found\n"
}
