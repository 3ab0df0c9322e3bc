//! Rules of RFC 9110 and RFC 9112 as a client sees them, each under every split of its bytes.

mod exercise;

use exercise::{Seen, run, small};

/// The same under every split, with early and late replies.
fn seen(input: &[u8]) -> Seen {
    let limits = small();
    let whole = run(&limits, &[input], false, false);
    for at in 1..input.len() {
        let pieces = [&input[..at], &input[at..]];
        assert_eq!(run(&limits, &pieces, false, false), whole, "split at {at}");
        assert_eq!(run(&limits, &pieces, true, false), whole, "split at {at}, late replies");
    }
    let bytes: Vec<&[u8]> = input.chunks(1).collect();
    assert_eq!(run(&limits, &bytes, false, false), whole, "byte by byte");
    assert_eq!(run(&limits, &bytes, true, false), whole, "byte by byte, late replies");
    whole
}

#[track_caller]
fn check(input: impl AsRef<[u8]>, expect: &str) {
    let input = input.as_ref();
    let seen = seen(input);
    assert_eq!(seen.summary(), expect, "{:?}", String::from_utf8_lossy(input));
}

/// A request for `/` with these fields; `|` stands between them.
fn with(fields: &str) -> String {
    let fields = fields.replace('|', "\r\n");
    format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n")
}

#[test]
fn requests_follow_each_other() {
    let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    check(get, "200 Keep");
    // RFC 9112 section 9.3.2: pipelined requests are answered in their order.
    check(get.repeat(20), &format!("{}Keep", "200 ".repeat(20)));
    // RFC 9112 section 9.6: nothing behind a request that closes is answered.
    check(format!("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n{get}"), "200 Shutdown");
    check(format!("GET /close HTTP/1.1\r\nHost: a\r\n\r\n{get}"), "200 Shutdown");
    // RFC 9112 section 2.2: empty lines before a request line are ignored, a few of them.
    check(format!("\r\n{get}\r\n\r\n{get}"), "200 200 Keep");
    check("\r\n".repeat(5), "400 Shutdown");
}

#[test]
fn the_old_version() {
    // RFC 9112 section 9.3: HTTP/1.0 closes, unless keep-alive is asked for.
    check("GET / HTTP/1.0\r\n\r\nGET / HTTP/1.0\r\n\r\n", "200 Shutdown");
    let keep = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
    check(keep.repeat(2), "200 200 Keep");
    assert!(seen(keep.as_bytes()).replies[0].contains("\r\nConnection: keep-alive\r\n"));
    check("GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", "400 Shutdown");
}

#[test]
fn bodies() {
    // RFC 9112 section 6.3: by Content-Length, or by the chunks.
    let sized = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";
    let chunked = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
                   2;x=y\r\nab\r\n1\r\nc\r\n0\r\nA: b\r\n\r\n";
    for body in [sized, chunked] {
        let seen = seen(body.repeat(2).as_bytes());
        assert_eq!(seen.requests, ["POST /echo None \"abc\""; 2]);
        assert!(seen.replies.iter().all(|reply| reply.ends_with("\r\n\r\nabc")), "{seen:?}");
    }
    check(with("Content-Length: 257"), "413 Shutdown");
    check(with("Transfer-Encoding: chunked") + "101\r\n", "413 Shutdown");
    check(with("Transfer-Encoding: chunked") + "g\r\n", "400 Shutdown");
    check(with("Transfer-Encoding: chunked") + "1\r\nab", "400 Shutdown");
}

#[test]
fn doubtful_framing_is_refused_and_the_rest_left_alone() {
    let smuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
    for (fields, status) in [
        // RFC 9112 section 6.3 item 3: both is how requests are smuggled.
        ("Content-Length: 4|Transfer-Encoding: chunked", 400),
        // RFC 9112 section 6.3 item 5.
        ("Content-Length: 4|Content-Length: 5", 400),
        ("Content-Length: 4, 4", 400),
        ("Content-Length: +4", 400),
        // RFC 9112 section 6.1: 501 for an unknown coding.
        ("Transfer-Encoding: gzip, chunked", 501),
        ("Transfer-Encoding: chunked, chunked", 400),
        // RFC 9112 section 5.1: no whitespace between name and colon.
        ("Transfer-Encoding : chunked", 400),
        // RFC 9112 section 5.2: obs-fold is rejected.
        ("X: a| b", 400),
        (" X: a", 400),
        // RFC 9110 section 5.1: a name is a token.
        (": a", 400),
        ("X y: a", 400),
        ("X", 400),
        ("X(: a", 400),
        // RFC 9112 section 2.2: bare CR and LF; RFC 9110 section 5.5: NUL and the like.
        ("X: a\nY: b", 400),
        ("X: a\rY: b", 400),
        ("X: a\0", 400),
        ("X: a\x7f", 400),
        // RFC 9112 section 3.2.
        ("Host: b", 400),
    ] {
        let input = format!("{}{smuggled}", with(fields));
        let seen = seen(input.as_bytes());
        assert_eq!(seen.summary(), format!("{status} Shutdown"), "{fields:?}");
        assert!(seen.requests.is_empty() && seen.replies[0].contains("\r\nConnection: close\r\n"));
    }
    check("GET / HTTP/1.1\nHost: a\n\n", "400 Shutdown");
    check("GET / HTTP/1.1\r\nHost: a\n\r\n", "400 Shutdown");
    check("GET / HTTP/1.1\r\nHost: a\r\n\n", "400 Shutdown");
    check("\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "400 Shutdown");
}

#[test]
fn request_lines() {
    let line = |line: &str| format!("{line}\r\nHost: a\r\n\r\n");
    check(line("GET /a?b=%zz HTTP/1.1"), "200 Keep");
    check(line("GET http://b/a HTTP/1.1"), "200 Keep");
    // RFC 9112 section 3.2.4, and RFC 9110 section 9.3.7.
    check(line("OPTIONS * HTTP/1.1"), "200 Keep");
    check(line("GET * HTTP/1.1"), "400 Shutdown");
    // RFC 9112 section 3: single spaces, a known version, nothing else.
    check(line("GET  / HTTP/1.1"), "400 Shutdown");
    check(line("GET / HTTP/1.1 "), "400 Shutdown");
    check(line("GET /"), "400 Shutdown");
    check(line("GE(T / HTTP/1.1"), "400 Shutdown");
    check(line("GET /a b HTTP/1.1"), "400 Shutdown");
    check(line("GET /\u{e4} HTTP/1.1"), "400 Shutdown");
    check(line("GET /a%00b HTTP/1.1"), "400 Shutdown");
    check(line("GET /a%2 HTTP/1.1"), "400 Shutdown");
    check(line("GET a HTTP/1.1"), "400 Shutdown");
    // RFC 9110 section 15.6.6, and section 15.6.2 for a method nobody implements.
    check(line("GET / HTTP/2.0"), "505 Shutdown");
    check("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505 Shutdown");
    check(line("CONNECT a:80 HTTP/1.1"), "501 Shutdown");
    // A client that speaks TLS is told at its first byte.
    check("\x16\x03\x01", "400 Shutdown");
}

#[test]
fn heads_are_bounded() {
    // RFC 9110 section 15.5.15 (414) and RFC 6585 section 5 (431).
    check(format!("GET /{} HTTP/1.1\r\n", "x".repeat(128)), "414 Shutdown");
    check("G".repeat(200), "414 Shutdown");
    check(with(&format!("X: {}", "x".repeat(512))), "431 Shutdown");
    check(with(&["X: y"; 8].join("|")), "431 Shutdown");
    check(with(&["X: y"; 7].join("|")), "200 Keep");
}

#[test]
fn hosts() {
    // RFC 9112 section 3.2.
    check("GET / HTTP/1.1\r\n\r\n", "400 Shutdown");
    check("GET http://a/ HTTP/1.1\r\n\r\n", "400 Shutdown");
    check("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "400 Shutdown");
    check("GET / HTTP/1.1\r\nHost:\r\n\r\n", "200 Keep");
    check("GET / HTTP/1.0\r\n\r\n", "200 Shutdown");
}

#[test]
fn replies_without_content() {
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
    // RFC 9110 section 9.3.2: HEAD is answered as GET, without the content.
    for path in ["/", "/prebuilt", "/stream", "/echo", "/big"] {
        let input = get(path).replace("GET", "HEAD") + &get("/");
        let seen = seen(input.as_bytes());
        assert_eq!(seen.summary(), "200 200 Keep", "{path}");
        assert!(seen.replies[0].ends_with("\r\n\r\n"), "{path}");
        assert!(seen.replies[0].contains("\r\nContent-Length: "), "{path}");
    }
    let long = format!("HEAD /{} HTTP/1.1\r\n\r\n", "a");
    assert!(seen(long.as_bytes()).replies[0].ends_with("\r\n\r\n"), "no content in a 400 to HEAD");
    // RFC 9110 section 8.6 and 6.4.1: 204 has neither content nor length; 304 no content.
    for path in ["/204", "/304"] {
        let seen = seen(get(path).as_bytes());
        assert!(seen.replies[0].ends_with("\r\n\r\n") && !seen.replies[0].contains("Length"));
    }
    // RFC 9110 section 15.5.6: 405 names what is allowed.
    assert!(seen(get("/405").as_bytes()).replies[0].contains("\r\nAllow: GET, HEAD\r\n"));
}

#[test]
fn a_reply_is_whole() {
    let seen = seen(b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /prebuilt HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(
        seen.replies,
        [
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 2\r\n\
             Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n\r\nok",
            "HTTP/1.1 200 OK\r\nETag: \"x\"\r\nContent-Length: 5\r\n\
             Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n\r\nhello",
        ]
    );
}

#[test]
fn streams_come_in_pieces_and_are_never_padded() {
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").repeat(2);
    for path in ["/stream", "/ahead"] {
        let seen = seen(get(path).as_bytes());
        assert_eq!(seen.summary(), "200 200 Keep");
        assert!(seen.replies.iter().all(|reply| reply.ends_with("\r\n\r\n0123456789")), "{seen:?}");
    }
    // RFC 9112 section 8: a reply that ends early is seen to be incomplete.
    check(get("/fails"), "200 Reset");
    check(get("/much"), "200 Reset");
    // A handler that sets no reply has failed.
    check(get("/none"), "500 500 Keep");
}

#[test]
fn expectations() {
    // RFC 9110 section 10.1.1.
    check(with("Expect: 100-continue|Content-Length: 3") + "abc", "200 Keep");
    check(with("Expect: 100-continue|Content-Length: 999"), "413 Shutdown");
    check(with("Expect: x|Content-Length: 3") + "abc", "417 Shutdown");
    check("POST / HTTP/1.0\r\nExpect: x\r\n\r\n", "200 Shutdown");
}

/// The reply to the one request in `input`: its head and its body.
fn reply(input: &str) -> (String, String) {
    let seen = seen(input.as_bytes());
    let (head, body) = seen.replies[0].split_once("\r\n\r\n").expect("a head");
    (head.to_owned(), body.to_owned())
}

#[test]
fn a_reply_of_unknown_length_is_chunked() {
    // RFC 9112 section 7.1, and section 6.3 item 4: its end is the last chunk, and the connection
    // goes on.
    for (path, body) in [
        ("/open", "4\r\n0123\r\n4\r\n4567\r\n2\r\n89\r\n0\r\n\r\n"),
        ("/open-ahead", "5\r\n01234\r\n4\r\n5678\r\n1\r\n9\r\n0\r\n\r\n"),
        ("/open-whole", "5\r\n01234\r\n0\r\n\r\n"),
        ("/open-prebuilt", "0\r\n\r\n"),
    ] {
        let get = format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
        let (head, found) = reply(&get);
        assert!(head.contains("\r\nTransfer-Encoding: chunked\r\n"), "{head}");
        // RFC 9112 section 6.2: no Content-Length beside it.
        assert!(!head.contains("Content-Length"), "{head}");
        assert_eq!(found, body, "{path}");
        check(get.repeat(2), "200 200 Keep");
    }
    // RFC 9112 section 8: who sees no last chunk knows that it is not whole.
    check("GET /open-fails HTTP/1.1\r\nHost: a\r\n\r\n", "200 Reset");
}

#[test]
fn the_old_version_knows_no_chunks() {
    // RFC 9112 section 6.1: none in a reply to HTTP/1.0; section 6.3 item 8: it ends with the
    // connection, whatever the client would like.
    for path in ["/open", "/open-ahead"] {
        let get = format!("GET {path} HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
        let (head, body) = reply(&get);
        assert!(head.contains("\r\nConnection: close"), "{head}");
        assert!(!head.contains("Transfer-Encoding") && !head.contains("Content-Length"), "{head}");
        assert_eq!(body, "0123456789", "{path}");
        check(get.repeat(2), "200 Shutdown");
    }
    check("GET /open-fails HTTP/1.0\r\n\r\n", "200 Reset");
}

#[test]
fn a_reply_of_unknown_length_to_head_is_a_head() {
    for version in ["1.0", "1.1"] {
        let fields = "Host: a\r\nConnection: keep-alive";
        let head = format!("HEAD /open HTTP/{version}\r\n{fields}\r\n\r\n");
        let (fields, body) = reply(&head);
        assert!(!fields.contains("Content-Length") && body.is_empty(), "{fields}{body}");
        check(head.repeat(2), "200 200 Keep");
    }
}
