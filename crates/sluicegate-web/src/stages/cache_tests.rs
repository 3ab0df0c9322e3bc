//! The cache alone: hits, joined misses, answers that never come, pages that go.
use super::*;
use crate::cache::{FRESH, Meta, Page};
use sluicegate::{Rig, WorkerId};
use sluicegate_files::Order;
use sluicegate_http::Coding;
use std::sync::Arc;
use std::time::Duration;

fn request(text: &str) -> Exchange {
    let text = format!("{text} HTTP/1.1\r\nHost: a\r\n\r\n");
    Exchange::read(text.as_bytes()).expect("a plain request")
}

fn page(path: &str, content: &'static [u8]) -> Arc<Page> {
    let tag = format!("\"{}\"", content.len());
    let (len, codings) = (content.len() as u64, Order::new(&Coding::ALL));
    let meta = Meta { media: "text/plain".into(), tag, modified: None, len, codings };
    Page::bundled(Name::new(path.as_bytes()).expect("a plain path"), meta, content)
}

/// Statuses and lengths of the replies that were sent.
fn replies(rig: &mut Rig<Cache>) -> Vec<(u16, u64)> {
    let each = rig.out.reply.take().into_iter().map(|event| {
        let (tag, exchange) = event.split();
        tag.finish();
        let reply = exchange.replied().expect("every exchange is replied to");
        (reply.status(), reply.body().len())
    });
    each.collect()
}

/// The one question that was asked.
fn question(rig: &mut Rig<Cache>) -> Event<Ask> {
    let mut asked = rig.out.ask.take();
    assert_eq!(asked.len(), 1, "one question");
    asked.remove(0)
}

/// Answers it.
fn answer(rig: &mut Rig<Cache>, question: Event<Ask>, answer: Answer) {
    let event = question.map(|ask| CacheIn::Answered(Answered { name: ask.name, answer }));
    rig.feed_events([event]).batch(64);
}

#[test]
fn a_hit_asks_nobody_and_misses_are_joined() {
    let mut rig = Rig::of(Cache::default());
    rig.feed([request("GET /a"), request("GET /a"), request("HEAD /a")]).batch(64);
    assert_eq!(replies(&mut rig), []);
    let asked = question(&mut rig);
    assert_eq!(asked.name.as_str(), "a");
    rig.feed([request("GET /a")]).batch(64);
    assert!(rig.out.ask.take().is_empty(), "it is asked already");
    answer(&mut rig, asked, Answer::Page(page("/a", b"abc")));
    assert_eq!(replies(&mut rig), [(200, 3); 4]);
    rig.feed([request("GET /a"), request("GET /a?query")]).batch(64);
    assert_eq!(replies(&mut rig), [(200, 3); 2]);
    assert!(rig.out.ask.take().is_empty());
    assert_eq!(rig.ledger().ended.total(), 0);
}

#[test]
fn after_a_second_it_is_asked_again_before_it_is_served() {
    let mut rig = Rig::of(Cache::default());
    for content in [&b"abc"[..], b"abcd"] {
        rig.feed([request("GET /a")]).batch(64);
        assert_eq!(replies(&mut rig), []);
        let asked = question(&mut rig);
        answer(&mut rig, asked, Answer::Page(page("/a", content)));
        assert_eq!(replies(&mut rig), [(200, content.len() as u64)]);
        rig.advance(FRESH - Duration::from_nanos(1)).feed([request("GET /a")]).batch(64);
        assert_eq!(replies(&mut rig), [(200, content.len() as u64)]);
        rig.advance(Duration::from_nanos(1));
    }
}

#[test]
fn conditions_and_ranges_are_answered_from_memory() {
    let mut rig = Rig::of(Cache::default());
    rig.feed([request("GET /a")]).batch(64);
    let asked = question(&mut rig);
    answer(&mut rig, asked, Answer::Page(page("/a", b"0123456789")));
    assert_eq!(replies(&mut rig), [(200, 10)]);
    for (field, expected) in [
        ("If-None-Match: \"10\"", (304, 0)),
        ("If-None-Match: \"x\"", (200, 10)),
        ("If-Match: \"x\"", (412, 19)),
        ("Range: bytes=2-4", (206, 3)),
        ("Range: bytes=-1", (206, 1)),
        ("Range: bytes=10-", (416, 21)),
        ("Range: bytes=2-4\r\nIf-Range: \"x\"", (200, 10)),
    ] {
        let text = format!("GET /a HTTP/1.1\r\nHost: a\r\n{field}\r\n\r\n");
        rig.feed([Exchange::read(text.as_bytes()).expect(field)]).batch(64);
        assert_eq!(replies(&mut rig), [expected], "{field}");
    }
}

#[test]
fn what_is_not_served_costs_no_question() {
    let mut rig = Rig::of(Cache::default());
    let requests = ["GET /.git/config", "GET /../x", "GET //x", "GET /%ff", "POST /a", "OPTIONS *"];
    rig.feed(requests.map(request)).batch(64);
    let statuses = replies(&mut rig).into_iter().map(|(status, _)| status);
    let mut statuses: Vec<_> = statuses.collect();
    // In which order they leave does not matter: `http` knows their places.
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 404, 404, 404, 404, 405]);
    assert!(rig.out.ask.take().is_empty());
}

#[test]
fn absence_and_directories_are_remembered_for_a_second() {
    let mut rig = Rig::of(Cache::default());
    for (path, what, status) in [("/none", Answer::Missing, 404), ("/dir", Answer::Directory, 301)]
    {
        rig.feed([request(&format!("GET {path}"))]).batch(64);
        let asked = question(&mut rig);
        answer(&mut rig, asked, what);
        rig.feed([request(&format!("GET {path}"))]).batch(64);
        let statuses: Vec<_> = replies(&mut rig).into_iter().map(|(status, _)| status).collect();
        assert_eq!(statuses, [status; 2]);
    }
    rig.advance(FRESH).feed([request("GET /none")]).batch(64);
    drop(question(&mut rig));
}

#[test]
fn without_room_for_a_question_the_name_waits_and_hits_go_on() {
    let mut rig = Rig::of(Cache::default());
    rig.feed([request("GET /hit")]).batch(64);
    let asked = question(&mut rig);
    answer(&mut rig, asked, Answer::Page(page("/hit", b"h")));
    rig.feed([request("GET /one")]).batch(64);
    let one = question(&mut rig);
    rig.out.ask.set_credit(0);
    rig.feed([request("GET /two"), request("GET /hit"), request("GET /two")]).batch(64);
    assert_eq!(replies(&mut rig), [(200, 1); 2]);
    assert!(rig.out.ask.take().is_empty());
    answer(&mut rig, one, Answer::Missing);
    let two = question(&mut rig);
    assert_eq!(two.name.as_str(), "two", "the last answer to come makes the next question wait");
    answer(&mut rig, two, Answer::Page(page("/two", b"22")));
    assert_eq!(replies(&mut rig), [(404, 9), (200, 2), (200, 2)]);
}

#[test]
fn all_who_wait_are_told_when_their_question_dies() {
    let mut rig = Rig::of(Cache::default());
    for (why, status) in [(Why::Failed, 500), (Why::Shed, 503)] {
        rig.feed([request("GET /a"), request("GET /a")]).batch(64);
        let (tag, _) = question(&mut rig).split();
        rig.ended(Ended { flow: tag.flow(), why, tag: Some(tag) });
        let statuses: Vec<_> = replies(&mut rig).into_iter().map(|(status, _)| status).collect();
        assert_eq!(statuses, [status; 2]);
    }
    assert_eq!(rig.ledger().ended.total(), 0);
}

#[test]
fn a_question_that_is_late_costs_the_one_who_asked_it_alone() {
    let mut rig = Rig::of(Cache::default());
    rig.feed([request("GET /a"), request("GET /a"), request("GET /a")]).batch(64);
    for left in [2, 1] {
        let (tag, _) = question(&mut rig).split();
        let late = Ended { flow: tag.flow(), why: Why::Expired, tag: Some(tag) };
        rig.ended(late).batch(0);
        assert_eq!(rig.ledger().ended[Why::Expired], 3 - left);
    }
    let asked = question(&mut rig);
    answer(&mut rig, asked, Answer::Page(page("/a", b"abc")));
    assert_eq!(replies(&mut rig), [(200, 3)]);
    // The last one to wait leaves nothing behind.
    rig.feed([request("GET /b")]).batch(64);
    let (tag, _) = question(&mut rig).split();
    rig.ended(Ended { flow: tag.flow(), why: Why::Expired, tag: Some(tag) });
    rig.feed([request("GET /b")]).batch(64);
    let asked = question(&mut rig);
    answer(&mut rig, asked, Answer::Page(page("/b", b"abcd")));
    assert_eq!(replies(&mut rig), [(200, 4)]);
    assert_eq!(rig.ledger().ended.total(), 3);
}

#[test]
fn a_page_that_has_to_go_is_let_go_of() {
    let mut rig = Rig::of(Cache::default());
    rig.feed([request("GET /a")]).batch(64);
    let (asked, page) = (question(&mut rig), page("/a", b"abc"));
    answer(&mut rig, asked, Answer::Page(Arc::clone(&page)));
    assert_eq!(replies(&mut rig), [(200, 3)]);
    assert_eq!(Arc::strong_count(&page), 2);
    let news = Event::note(WorkerId::default(), CacheIn::Gone(Gone(vec![Arc::clone(&page)])));
    rig.feed_events([news]).batch(64);
    assert_eq!(Arc::strong_count(&page), 1);
    rig.feed([request("GET /a")]).batch(64);
    drop(question(&mut rig));
}

fn cheaper(line: &str, page: &str) -> CacheIn {
    let text =
        format!("{line} HTTP/1.1\r\nHost: a\r\nIf-None-Match: *\r\nRange: bytes=0-0\r\n\r\n");
    let exchange = Exchange::read(text.as_bytes()).expect("a plain request");
    CacheIn::Cheaper(Cheaper { exchange, page: page.into() })
}

#[test]
fn a_page_in_the_place_of_another_is_whole_and_not_to_be_kept() {
    let mut rig = Rig::of(Cache::default());
    rig.feed([cheaper("GET /burn", "/a"), cheaper("HEAD /x?y", "/a")]).batch(64);
    let asked = question(&mut rig);
    assert_eq!(asked.name.as_str(), "a");
    answer(&mut rig, asked, Answer::Page(page("/a", b"abc")));
    rig.feed([cheaper("GET /burn", "/a")]).batch(64);
    let sent = rig.out.reply.take();
    assert_eq!(sent.len(), 3, "two that waited, and a hit");
    for event in sent {
        let (tag, exchange) = event.split();
        tag.finish();
        let reply = exchange.replied().expect("a reply");
        assert_eq!((reply.status(), reply.body().len()), (200, 3));
        assert_eq!(reply.lines(), "Cache-Control: no-store\r\n");
    }
    assert!(rig.out.ask.take().is_empty());
}

#[test]
fn without_the_page_they_are_refused_as_they_would_have_been() {
    let mut rig = Rig::of(Cache::default());
    rig.feed([cheaper("GET /burn", "/none")]).batch(64);
    let asked = question(&mut rig);
    answer(&mut rig, asked, Answer::Missing);
    rig.feed([cheaper("GET /burn", "/none"), cheaper("GET /burn", "/dying")]).batch(64);
    let (tag, _) = question(&mut rig).split();
    rig.ended(Ended { flow: tag.flow(), why: Why::Failed, tag: Some(tag) });
    assert_eq!(replies(&mut rig), []);
    assert_eq!((rig.ledger().ended[Why::Shed], rig.ledger().ended.total()), (3, 3));
}
