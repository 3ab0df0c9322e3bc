//! How many may watch, by a rig around the stage of the admin listener.
use super::ShowAdmin;
use super::viewers::VIEWERS_MAX;
use crate::config::{Config, Machine, Settings};
use crate::rules::Plan;
use crate::scratch::Scratch;
use crate::service::Stores;
use crate::watch::Watch;
use sluicegate::Rig;
use sluicegate_http::{Body, Exchange, Reply};
use std::sync::Arc;
use std::time::Duration;

/// A rig of a service that does not run, and what its files are kept by.
fn rig() -> (Rig<ShowAdmin>, Scratch) {
    let files = Scratch::new();
    let text = format!("root = \"{}\"\n", files.path().display());
    let typed = Settings::from_toml("test.toml", &text).expect("known settings");
    let machine = Machine { cpus: 1, memory: 1 << 30, files: 4096 };
    let config = Config::new(&typed, machine).expect("a configuration");
    let plan = Plan::new(&config).expect("the directory is there");
    let watch = Watch::new(&config, &Stores::without_memory(plan));
    (Rig::of(ShowAdmin::new(Arc::new(watch))), files)
}

fn asked() -> Exchange {
    let text = b"GET /api/live HTTP/1.1\r\nHost: localhost\r\n\r\n";
    Exchange::read(text).expect("a plain request")
}

/// What came out, as `http` would take it.
fn came(rig: &mut Rig<ShowAdmin>) -> Vec<Exchange> {
    let split = rig.out.take().into_iter().map(|event| {
        let (tag, exchange) = event.split();
        tag.finish();
        exchange
    });
    split.collect()
}

fn status(exchange: &Exchange) -> u16 {
    exchange.replied().map_or(0, Reply::status)
}

#[test]
fn so_many_may_watch_and_a_place_is_free_when_one_has_gone() {
    let (mut rig, _files) = rig();
    rig.feed((0..=VIEWERS_MAX).map(|_| asked())).batch(usize::MAX);
    let mut all = came(&mut rig);
    let full = all.pop().expect("an answer to each");
    assert_eq!(status(&full), 503);
    assert!(full.replied().is_some_and(|reply| reply.has("Retry-After")));
    assert!(all.iter().all(|one| status(one) == 200));
    assert!(all.iter().all(|one| matches!(one.replied().map(Reply::body), Some(Body::Open))));
    // One leaves while it is being sent something: `http` uses its exchange for somebody else.
    all.pop();
    rig.feed([asked()]).batch(1);
    assert_eq!(came(&mut rig).iter().map(status).collect::<Vec<_>>(), [200]);
    // That one is gone at once. The others come back for more, which there is after a second.
    rig.feed(all).batch(usize::MAX);
    assert!(came(&mut rig).is_empty());
    rig.advance(Duration::from_millis(1001));
    let sent = came(&mut rig);
    assert_eq!(sent.len(), VIEWERS_MAX - 1);
    let first = sent[0].given();
    assert!(sent.iter().all(|one| one.given() == first) && first > 0);
}

#[test]
fn all_that_wait_are_ended_by_a_drain() {
    let (mut rig, _files) = rig();
    rig.feed((0..3).map(|_| asked())).batch(usize::MAX);
    let all = came(&mut rig);
    rig.feed(all).batch(usize::MAX);
    assert!(came(&mut rig).is_empty());
    rig.drain();
    assert_eq!(came(&mut rig).len(), 3);
    // Nothing more is looked at.
    rig.advance(Duration::from_secs(5));
    rig.feed([asked()]).batch(1);
    assert_eq!(came(&mut rig).len(), 1);
}
