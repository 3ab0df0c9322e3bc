//! A WebSocket that says everything twice: `cargo run -p sluicegate-tower --example websocket`.

use axum::Router;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use axum::routing::any;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:3000").await?;
    println!("ws://{}/twice", listener.local_addr()?);
    // Was: axum::serve(listener, app).await
    sluicegate_tower::serve(listener, app()).await
}

/// The app.
pub fn app() -> Router {
    Router::new().route("/twice", any(twice))
}

async fn twice(upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(talk)
}

async fn talk(mut socket: WebSocket) {
    // Pings are answered, and the end is said, by the socket itself.
    while let Some(Ok(message)) = socket.recv().await {
        if !matches!(message, Message::Text(_) | Message::Binary(_)) {
            continue;
        }
        for _ in 0..2 {
            if socket.send(message.clone()).await.is_err() {
                return;
            }
        }
    }
}
