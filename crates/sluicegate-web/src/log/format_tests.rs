//! Lines of the log, and what no client can do to them.
use super::*;
use proptest::prelude::*;

fn line(request: Option<&[u8]>) -> Line<'_> {
    Line {
        // RFC 9110's own example of a date.
        at: SystemTime::UNIX_EPOCH + Duration::from_micros(784_111_777_000_042),
        peer: Some(Peer::tcp("192.0.2.7:4711".parse().expect("an address"))),
        conn: (1, 4_294_967_300),
        request,
        host: Some(b"a.example"),
        referer: None,
        agent: Some(b"test \"1\"\\2"),
        id: None,
        status: 206,
        bytes: 1024,
        took: Duration::from_micros(1500),
        aborted: false,
    }
}

fn text(format: Format, line: &Line<'_>) -> String {
    let mut out = Vec::new();
    Formatter::new(format).line(line, 1, &mut out);
    String::from_utf8(out).expect("lines are text")
}

#[test]
fn lines_look_as_others_expect_them() {
    let ask = line(Some(b"GET /a HTTP/1.1"));
    let start = "192.0.2.7 - - [06/Nov/1994:08:49:37 +0000] \"GET /a HTTP/1.1\" 206 1024";
    assert_eq!(text(Format::Common, &ask), format!("{start}\n"));
    let browser = "\"-\" \"test \\x221\\x22\\x5c2\"";
    assert_eq!(text(Format::Combined, &ask), format!("{start} {browser}\n"));
    let named = Line { id: Some(b"abc"), ..ask };
    assert_eq!(text(Format::Combined, &named), format!("{start} {browser} \"abc\"\n"));
    assert_eq!(
        text(Format::Json, &ask),
        "{\"time\":\"1994-11-06T08:49:37.000042Z\",\"peer\":\"192.0.2.7\",\
         \"conn\":\"1-4294967300\",\"id\":null,\"host\":\"a.example\",\
         \"request\":\"GET /a HTTP/1.1\",\"referer\":null,\"agent\":\"test \\\"1\\\"\\\\2\",\
         \"status\":206,\"bytes\":1024,\"us\":1500,\"aborted\":false}\n"
    );
}

#[test]
fn what_is_not_known_is_a_dash() {
    let nobody = Line { peer: None, ..line(None) };
    assert!(text(Format::Common, &nobody).starts_with("- - - [06"));
    assert!(text(Format::Common, &nobody).contains("] \"-\" 206 "));
    let mapped = Peer::tcp("[::ffff:192.0.2.1]:1".parse().expect("an address"));
    assert!(text(Format::Common, &Line { peer: Some(mapped), ..nobody }).starts_with("192.0.2.1 "));
}

#[test]
fn the_log_speaks_of_itself() {
    let at = line(None).at;
    let stamp = "- - - [06/Nov/1994:08:49:37 +0000]";
    let time = "{\"time\":\"1994-11-06T08:49:37.000042Z\"";
    for (note, text, json) in [
        (Note::Lost(7), "LOST 7", "\"lost\":7"),
        (Note::Sampling, "SAMPLING", "\"sampling\":true"),
        (Note::Sampled(9), "SAMPLED 9", "\"sampling\":false,\"left_out\":9"),
    ] {
        for (format, expected) in [
            (Format::Common, format!("{stamp} \"{text}\" 0 0\n")),
            (Format::Combined, format!("{stamp} \"{text}\" 0 0 \"-\" \"-\"\n")),
            (Format::Json, format!("{time},{json}}}\n")),
        ] {
            let mut out = Vec::new();
            Formatter::new(format).note(note, at, &mut out);
            assert_eq!(String::from_utf8(out).expect("text"), expected);
        }
    }
}

#[test]
fn a_record_that_stands_for_others_has_a_weight() {
    let ask = line(Some(b"GET /a HTTP/1.1"));
    for (format, end) in [
        (Format::Common, " 206 1024 \"weight=8\"\n"),
        (Format::Combined, " \"-\" \"test \\x221\\x22\\x5c2\" \"weight=8\"\n"),
        (Format::Json, ",\"aborted\":false,\"weight\":8}\n"),
    ] {
        let mut out = Vec::new();
        Formatter::new(format).line(&ask, 8, &mut out);
        let text = String::from_utf8(out).expect("text");
        assert!(text.ends_with(end), "{text}");
    }
}

#[test]
fn a_second_has_one_stamp() {
    let mut formatter = Formatter::new(Format::Common);
    for second in [0, 0, 86_399, 951_782_400, 4_102_444_799] {
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(second);
        formatter.stamp(at);
        assert_eq!(formatter.second, Some(second));
    }
    assert_eq!(formatter.stamp, "[31/Dec/2099:23:59:59 +0000]");
}

/// The texts of a combined line, unescaped: a reader that is too simple to be fooled.
fn unquote(line: &str) -> Vec<Vec<u8>> {
    let mut texts = Vec::new();
    for quoted in line.split('"').skip(1).step_by(2) {
        let mut text = Vec::new();
        let mut parts = quoted.split("\\x");
        text.extend_from_slice(parts.next().unwrap_or_default().as_bytes());
        for part in parts {
            text.push(u8::from_str_radix(&part[..2], 16).expect("two digits"));
            text.extend_from_slice(&part.as_bytes()[2..]);
        }
        texts.push(text);
    }
    texts
}

proptest! {
    #[test]
    fn any_bytes_give_one_line(
        request in prop::collection::vec(any::<u8>(), 0..60),
        referer in prop::collection::vec(any::<u8>(), 0..60),
        agent in "[\u{0}-\u{2ff}\"\\\\\n]{0,40}",
    ) {
        let ask = Line {
            referer: Some(&referer),
            agent: Some(agent.as_bytes()),
            ..line(Some(&request))
        };
        let combined = text(Format::Combined, &ask);
        prop_assert!(combined.ends_with('\n') && combined.lines().count() == 1);
        prop_assert!(combined.trim_end().bytes().all(|byte| (0x20..0x7f).contains(&byte)));
        let all = vec![request.clone(), referer.clone(), agent.clone().into_bytes()];
        prop_assert_eq!(unquote(&combined), all);
        let json = text(Format::Json, &ask);
        prop_assert!(json.ends_with('\n') && json.matches('\n').count() == 1);
        let value: serde_json::Value = serde_json::from_str(&json).expect("JSON");
        prop_assert_eq!(value["request"].as_str(), Some(&*String::from_utf8_lossy(&request)));
        prop_assert_eq!(value["agent"].as_str(), Some(&*agent));
        prop_assert_eq!(value["status"].as_u64(), Some(206));
    }
}
