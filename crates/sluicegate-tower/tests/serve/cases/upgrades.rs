//! Connections that become something else.

use crate::apps::websocket;
use crate::client::Client;
use crate::servers::Under;
use futures_util::{SinkExt, StreamExt};
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Message;

pub async fn a_web_socket(under: Under) {
    let serving = under.serve(websocket::app()).await;
    let mut client = Client::to(serving.addr).await;
    // Not an upgrade: an ordinary answer.
    assert_eq!(client.get("/twice").await.head.status, 400);
    let url = format!("ws://{}/twice", serving.addr);
    let (mut socket, response) = client_async(url, client.stream).await.expect("it upgrades");
    assert_eq!(response.status().as_u16(), 101);
    for message in [
        Message::text("hello"),
        Message::binary(vec![7; 1 << 20]),
        Message::text(""),
        Message::binary((0..=255).collect::<Vec<u8>>()),
    ] {
        socket.send(message.clone()).await.expect("it is open");
        for _ in 0..2 {
            let back = socket.next().await.expect("it is open").expect("it is well");
            assert!(back == message);
        }
    }
    socket.send(Message::Ping("x".into())).await.expect("it is open");
    let back = socket.next().await.expect("it is open").expect("it is well");
    assert_eq!(back, Message::Pong("x".into()));
    socket.close(None).await.expect("it is open");
    let end = socket.next().await.expect("it says so").expect("it is well");
    assert!(matches!(end, Message::Close(_)), "{end:?}");
    assert!(socket.next().await.is_none());
    serving.over().await;
}
