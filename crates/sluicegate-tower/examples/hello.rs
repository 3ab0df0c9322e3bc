//! The smallest app: `cargo run -p sluicegate-tower --example hello`.

use axum::Router;
use axum::routing::get;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:3000").await?;
    println!("http://{}/", listener.local_addr()?);
    // Was: axum::serve(listener, app).await
    sluicegate_tower::serve(listener, app()).await
}

/// The app.
pub fn app() -> Router {
    Router::new().route("/", get(|| async { "Hello, World!" }))
}
