//! The life of a connection: time limits, the end of input, draining, and requests nobody answers.

mod exercise;

use std::time::Duration;

use exercise::{Drive, small};
use sluicegate::Time;
use sluicegate_http::Limits;

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const POST: &[u8] = b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n";

fn at(seconds: u64) -> Time {
    Time(0) + Duration::from_secs(seconds)
}

/// Does `steps` and tells what came out.
fn check(expect: &str, steps: impl FnOnce(&mut Drive)) {
    let mut drive = Drive::new(small());
    steps(&mut drive);
    assert_eq!(drive.seen.summary(), expect);
}

#[test]
fn an_idle_connection_is_closed_without_a_word() {
    check("Close", |drive| {
        assert_eq!(drive.conn.deadline(&small()), Some(at(75)));
        drive.now = at(74);
        drive.time_out(0);
        assert!(!drive.conn.is_over());
        drive.now = at(75);
        drive.time_out(0);
    });
    check("200 Close", |drive| {
        drive.now = at(50);
        drive.feed(GET);
        // The reply is looked after first.
        assert_eq!(drive.conn.deadline(&small()), Some(at(60)));
        drive.now = at(60);
        drive.time_out(0);
        assert_eq!(drive.conn.deadline(&small()), Some(at(125)));
        drive.now = at(125);
        drive.time_out(0);
    });
}

#[test]
fn a_head_that_drips_is_cut_off() {
    // RFC 9110 section 15.5.9: 408 when the request is not complete in time.
    check("408 Shutdown", |drive| {
        for (second, byte) in GET.iter().enumerate().take(11) {
            drive.now = at(second as u64);
            drive.time_out(0);
            drive.feed(&[*byte]);
        }
    });
}

#[test]
fn a_body_must_come_at_a_rate() {
    check("408 Shutdown", |drive| {
        drive.feed(POST);
        drive.feed(&[b'x'; 99]);
        drive.now = at(10);
        drive.time_out(0);
        assert!(!drive.conn.is_over());
        drive.now = at(11);
        drive.time_out(0);
    });
}

#[test]
fn a_reader_that_does_not_read_is_dropped() {
    check("200 Reset", |drive| {
        drive.feed(b"GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
        drive.now = at(9);
        drive.time_out(900);
        assert!(!drive.conn.is_over());
        drive.now = at(11);
        drive.time_out(900);
    });
}

#[test]
fn a_request_in_the_net_has_no_deadline_here() {
    check("200 Keep", |drive| {
        drive.lags = true;
        drive.feed(GET);
        assert_eq!(drive.conn.deadline(&small()), None);
        drive.now = at(1000);
        drive.time_out(0);
        drive.answer_all();
    });
}

#[test]
fn what_is_complete_is_answered_after_the_end_of_input() {
    check("200 Close", |drive| {
        drive.lags = true;
        drive.feed(GET);
        drive.finish();
    });
    check("200 200 Close", |drive| {
        drive.lags = true;
        drive.feed(&GET.repeat(2));
        drive.finish();
    });
    // RFC 9112 section 8: an incomplete request is not processed.
    for part in [&GET[..10], POST, b""] {
        check("Close", |drive| {
            drive.feed(part);
            drive.finish();
        });
    }
}

#[test]
fn draining_answers_what_began() {
    let closes = |drive: &Drive| drive.seen.replies.last().unwrap().contains("Connection: close");
    check("Close", |drive| {
        drive.now = at(5);
        drive.conn.drain(drive.now, drive.shared.limits());
        drive.time_out(0);
        // A request may be on its way.
        assert!(!drive.conn.is_over());
        drive.now = at(5) + small().farewell;
        drive.time_out(0);
    });
    check("200 Shutdown", |drive| {
        drive.conn.drain(drive.now, drive.shared.limits());
        drive.feed(GET);
        assert!(closes(drive));
    });
    check("200 Shutdown", |drive| {
        drive.feed(&GET[..10]);
        drive.conn.drain(drive.now, drive.shared.limits());
        drive.go_on();
        assert!(!drive.conn.is_over());
        drive.feed(&GET[10..]);
        assert!(closes(drive));
    });
    check("200 200 Shutdown", |drive| {
        drive.lags = true;
        drive.feed(&GET.repeat(2));
        drive.conn.drain(drive.now, drive.shared.limits());
        drive.answer_all();
        assert!(closes(drive) && !drive.seen.replies[0].contains("Connection: close"));
    });
}

#[test]
fn somebody_else_answers_for_a_request_that_was_lost() {
    check("503 200 Keep", |drive| {
        drive.lags = true;
        drive.feed(GET);
        drive.decline(503);
        drive.feed(GET);
        drive.answer_all();
    });
    // Its body was not read: what follows cannot be told from it.
    check("503 Shutdown", |drive| {
        drive.feed(POST);
        drive.decline(503);
        drive.feed(GET);
    });
    // A HEAD gets no content from there either.
    check("500 Keep", |drive| {
        drive.lags = true;
        drive.feed(b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
        drive.decline(500);
        assert!(drive.seen.replies[0].ends_with("\r\n\r\n"));
    });
}

#[test]
fn requests_can_be_counted() {
    let mut drive = Drive::new(Limits { requests: Some(2), ..small() });
    drive.feed(&GET.repeat(3));
    assert_eq!(drive.seen.summary(), "200 200 Shutdown");
}

#[test]
fn reading_stops_while_enough_waits() {
    check(&format!("{}Keep", "200 ".repeat(21)), |drive| {
        drive.lags = true;
        drive.feed(GET);
        assert!(drive.conn.wants_input(&small()));
        drive.feed(&GET.repeat(10));
        assert!(!drive.conn.wants_input(&small()));
        // Feeding answers first.
        drive.feed(&GET.repeat(10));
        drive.answer_all();
        assert!(drive.conn.wants_input(&small()));
    });
}

#[test]
fn a_body_is_asked_for() {
    // RFC 9110 section 10.1.1: 100 (Continue) before the body is read.
    let mut drive = Drive::new(small());
    let head =
        b"POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";
    drive.feed(head);
    assert_eq!(drive.continues, 1);
    drive.feed(b"ab");
    drive.feed(&[&head[..], b"ab"].concat());
    assert_eq!((drive.continues, drive.seen.summary()), (1, "200 200 Keep".into()));
}
