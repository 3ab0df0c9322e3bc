//! A body in pieces against the simplest model: what is read is what was sent, whoever is faster,
//! and little of it waits.

mod exercise;

use std::task::{Context, Poll, Waker};

use exercise::small;
use proptest::prelude::*;
use sluicegate::Time;
use sluicegate_http::{BodyReader, HttpConn, InPieces, Limits, Next, Shared, UNREAD_MAX};
use sluicegate_io::Pool;

/// Bytes of one received buffer.
const BUFFER: usize = 4096;

/// What the client sends, and the body in it.
fn request(len: usize, chunk: Option<usize>) -> (Vec<u8>, Vec<u8>) {
    let body: Vec<u8> = (0..len).map(|n| (n % 251) as u8).collect();
    let mut sent = b"POST / HTTP/1.1\r\nHost: a\r\n".to_vec();
    match chunk {
        None => {
            sent.extend(format!("Content-Length: {len}\r\n\r\n").into_bytes());
            sent.extend(&body);
        }
        Some(chunk) => {
            sent.extend(b"Transfer-Encoding: chunked\r\n\r\n");
            for data in body.chunks(chunk) {
                sent.extend(format!("{:x}\r\n", data.len()).into_bytes());
                sent.extend(data);
                sent.extend(b"\r\n");
            }
            sent.extend(b"0\r\n\r\n");
        }
    }
    (sent, body)
}

/// Reads what there is; whether that was all.
fn read(reader: &mut BodyReader, body: &mut Vec<u8>) -> bool {
    let mut cx = Context::from_waker(Waker::noop());
    loop {
        match reader.poll_piece(&mut cx) {
            Poll::Pending => return false,
            Poll::Ready(None) => return true,
            Poll::Ready(Some(piece)) => body.extend(piece.expect("it comes to a good end")),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn what_is_read_is_what_was_sent(
        len in 1usize..300_000,
        chunk in prop::option::of(1usize..20_000),
        steps in prop::collection::vec((1usize..BUFFER, 0u8..8), 1..40),
    ) {
        let (sent, expected) = request(len, chunk);
        let limits = Limits { body_in_pieces: None, ..small() };
        let mut shared = Shared::new(limits, |_| std::time::UNIX_EPOCH)
            .with_in_pieces(Some(InPieces::new(|_| true)));
        let (pool, mut conn) = (Pool::new(4, BUFFER), HttpConn::new(1, Time(0)));
        let (mut rest, mut body, mut reader, mut whole) = (&sent[..], Vec::new(), None, None);
        let mut done = false;
        for (n, reads) in steps.iter().cycle() {
            // One that wants no more is not given more.
            let n = if conn.wants_input(shared.limits()) { (*n).min(rest.len()) } else { 0 };
            if n > 0 {
                let mut buf = pool.take().expect("it keeps one at most");
                buf.push(&rest[..n]);
                rest = &rest[n..];
                conn.receive(buf, Time(0));
            }
            loop {
                match conn.advance(Time(0), &mut shared) {
                    Next::Wait => break,
                    Next::Begun { .. } => {}
                    Next::Request { mut exchange, .. } => {
                        reader = exchange.body_reader();
                        for piece in exchange.body() {
                            piece.slices().for_each(|slice| body.extend(slice));
                        }
                        whole = Some(exchange);
                    }
                    Next::Write(answer) => panic!("{answer:?}"),
                }
            }
            let waits = sent.len() - rest.len() - body.len();
            // Framing counts here too: two lines for each chunk that is read.
            let framing = sent.len() - expected.len();
            prop_assert!(waits <= UNREAD_MAX + 3 * BUFFER + framing, "{waits} bytes wait");
            match &mut reader {
                Some(reader) if *reads == 0 || rest.is_empty() || !conn.wants_input(&small()) => {
                    done = read(reader, &mut body);
                }
                Some(_) => {}
                None => done = whole.is_some(),
            }
            if done {
                break;
            }
        }
        prop_assert!(body == expected);
        prop_assert!(rest.is_empty() && !conn.takes_in());
    }
}
