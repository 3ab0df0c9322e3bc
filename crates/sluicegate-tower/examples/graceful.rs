//! Answers before it ends: `cargo run -p sluicegate-tower --example graceful`.

use axum::Router;
use axum::routing::get;
use std::time::Duration;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:3000").await?;
    println!("http://{}/slow, then ^C", listener.local_addr()?);
    let stop = async {
        let _ = tokio::signal::ctrl_c().await;
    };
    // Was: axum::serve(listener, app).with_graceful_shutdown(stop).await
    sluicegate_tower::serve(listener, app()).with_graceful_shutdown(stop).await
}

/// The app.
pub fn app() -> Router {
    let slow = || async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        "done\n"
    };
    Router::new().route("/slow", get(slow))
}
