//! Files beside an app, by tower-http: `cargo run -p sluicegate-tower --example static_files`.
//!
//! What is not the app's is looked for in the directory of this example.

use axum::Router;
use axum::routing::get;
use std::path::Path;
use tokio::net::TcpListener;
use tower_http::services::ServeDir;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:3000").await?;
    println!("http://{}/hello.rs", listener.local_addr()?);
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    // Was: axum::serve(listener, app).await
    sluicegate_tower::serve(listener, app(&here)).await
}

/// The app, over the files of a directory.
pub fn app(directory: &Path) -> Router {
    Router::new()
        .route("/api", get(|| async { "not a file\n" }))
        .fallback_service(ServeDir::new(directory))
}
