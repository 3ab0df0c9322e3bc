//! A service that mixes stages and axum: `cargo run -p sluicegate-tower --example stages`.
//!
//! axum takes requests apart; the work is that of a net, with a queue, a target and threads of its
//! own. `curl --data-binary @README.md http://127.0.0.1:3000/words` asks for it.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use sluicegate::{Batch, Cx, Entry, Net, Overload, Why, bounded, from_fn, ms, stage};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// A text whose words somebody wants to be counted.
pub struct Asked {
    text: String,
    answer: oneshot::Sender<usize>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (net, work) = net();
    let running = net.run()?;
    let listener = TcpListener::bind("127.0.0.1:3000").await?;
    println!("http://{}/words", listener.local_addr()?);
    sluicegate_tower::serve(listener, app(work)).await?;
    running.drain(Duration::from_secs(1));
    Ok(())
}

/// The app, in front of the net.
pub fn app(work: Entry<Asked>) -> Router {
    Router::new().route("/words", post(words)).with_state(work)
}

async fn words(
    State(work): State<Entry<Asked>>,
    text: String,
) -> Result<String, (StatusCode, &'static str)> {
    let busy = (StatusCode::SERVICE_UNAVAILABLE, "too many texts wait\n");
    let (answer, counted) = oneshot::channel();
    work.send(Asked { text, answer }).map_err(|_| busy)?;
    // What the queue drops later drops the question.
    counted.await.map(|words| format!("{words} words\n")).map_err(|_| busy)
}

/// The net: one stage in two threads, which answers within 50 ms or not at all.
pub fn net() -> (Net, Entry<Asked>) {
    let mut net = Net::new("words");
    let pool = net.domain("pool").pool(2);
    let queue = bounded(256).admit(Overload::p99(ms(50)));
    let count = stage("count", || from_fn(count)).on(pool).queue(queue);
    let count = net.add(count);
    let work = net.entry(count.inlet);
    (net, work)
}

fn count(batch: Batch<'_, Asked>, _: &mut Cx<'_, ()>) {
    for event in batch {
        let (tag, Asked { text, answer }) = event.split();
        match answer.is_closed() {
            true => tag.refuse(Why::Gone),
            false => {
                let _ = answer.send(text.split_whitespace().count());
                tag.finish();
            }
        }
    }
}
