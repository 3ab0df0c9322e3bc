//! Connections that become something else.

use crate::apps::websocket;
use crate::client::Client;
use crate::servers::Under;
use axum::Router;
use axum::extract::ws::WebSocketUpgrade;
use axum::routing::any;
use futures_util::{SinkExt, StreamExt};
use tokio::sync::mpsc;
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Message;

pub async fn a_web_socket(under: Under) {
    let serving = under.serve(websocket::app()).await;
    let mut client = Client::to(serving.addr).await;
    // Not an upgrade: an ordinary answer.
    assert_eq!(client.get("/twice").await.head.status, 400);
    // Not what is there: an ordinary answer too.
    let mut other = Client::to(serving.addr).await;
    let ask = "GET /none HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: \
               websocket\r\n\r\n";
    other.send(ask).await;
    assert_eq!(other.answer().await.head.status, 404);
    let ask = "GET /twice HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\n\
               Upgrade: h2c\r\n\r\n";
    let mut other = Client::to(serving.addr).await;
    for _ in 0..2 {
        other.send(ask).await;
        assert_eq!(other.answer().await.head.status, 400);
    }
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

pub async fn a_web_socket_that_is_left(under: Under) {
    let (tell, mut told) = mpsc::unbounded_channel();
    let talk = move |upgrade: WebSocketUpgrade| async move {
        upgrade.on_upgrade(async move |mut socket| {
            while let Some(Ok(message)) = socket.recv().await {
                let _ = tell.send(message.into_data().len());
            }
            let _ = tell.send(0);
        })
    };
    let serving = under.serve(Router::new().route("/", any(talk))).await;
    let client = Client::to(serving.addr).await;
    let url = format!("ws://{}/", serving.addr);
    let (mut socket, _) = client_async(url, client.stream).await.expect("it upgrades");
    for n in [1, 100_000] {
        socket.send(Message::binary(vec![0; n])).await.expect("it is open");
        assert_eq!(told.recv().await, Some(n));
    }
    drop(socket);
    assert_eq!(told.recv().await, Some(0), "the end is heard of");
    serving.over().await;
}
