//! Coded forms and several ranges, by the real binary over real sockets.
mod common;

use common::{Client, Response, Scratch, Server, until};
use std::io::Read;
use std::net::TcpStream;

fn text() -> String {
    (0..2000).map(|n| format!("line {n} of a page that shrinks well\n")).collect()
}

/// Asks until the reply is coded.
fn coded(client: &mut Client<TcpStream>, target: &str, coding: &str) -> Response {
    let field = format!("Accept-Encoding: {coding}\r\n");
    until(coding, || {
        let response = client.ask("GET", target, &field);
        assert_eq!((response.status, response.field("vary")), (200, Some("Accept-Encoding")));
        (response.field("content-encoding") == Some(coding)).then_some(response)
    })
}

fn decode(coding: &str, mut coded: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    let done = match coding {
        "br" => brotli::BrotliDecompress(&mut coded, &mut content),
        "zstd" => zstd::stream::copy_decode(coded, &mut content),
        _ => flate2::read::GzDecoder::new(coded).read_to_end(&mut content).map(drop),
    };
    done.expect("well coded");
    content
}

#[test]
fn every_coding_is_decoded_to_the_file() {
    let site = Scratch::new();
    site.write("a.txt", text());
    site.write("a.bin", text());
    let server = Server::start(&[site.arg()]);
    let mut client = server.client();
    let plain = client.get("/a.txt");
    assert_eq!((plain.text(), plain.field("content-encoding")), (text().as_str(), None));
    assert_eq!(plain.field("vary"), Some("Accept-Encoding"));
    for coding in ["gzip", "zstd", "br"] {
        let response = coded(&mut client, "/a.txt", coding);
        assert!(response.body.len() < text().len() / 3, "{coding}: {}", response.body.len());
        assert!(decode(coding, &response.body) == text().as_bytes(), "{coding}");
        let tag = response.field("etag").expect("a tag").to_owned();
        assert_ne!(Some(tag.as_str()), plain.field("etag"));
        let fields = format!("Accept-Encoding: {coding}\r\nIf-None-Match: {tag}\r\n");
        let known = client.ask("GET", "/a.txt", &fields);
        assert_eq!((known.status, known.field("etag")), (304, Some(tag.as_str())));
        assert_eq!(known.field("vary"), Some("Accept-Encoding"));
    }
    let other = client.ask("GET", "/a.bin", "Accept-Encoding: br\r\n");
    assert_eq!((other.field("vary"), other.text()), (None, text().as_str()));
    let variants = &server.net()["cache"]["variants"];
    assert!(variants["made"].as_u64() >= Some(3), "{variants}");
    assert!(variants["bytes_saved"].as_u64() > Some(100_000), "{variants}");
    server.stop();
}

#[test]
fn files_coded_ahead_are_sent_of_pages_and_of_large_files() {
    let site = Scratch::new();
    site.write("a.txt", text());
    site.write("a.txt.gz", "coded elsewhere");
    let big = text().repeat(30);
    site.write("big.txt", &big);
    site.write("big.txt.br", "coded elsewhere");
    let server = Server::start(&[site.arg()]);
    let mut client = server.client();
    for (target, coding) in [("/a.txt", "gzip"), ("/big.txt", "br")] {
        assert_eq!(coded(&mut client, target, coding).text(), "coded elsewhere", "{target}");
    }
    let plain = client.ask("GET", "/big.txt", "Accept-Encoding: gzip\r\n");
    assert!(plain.text() == big && plain.field("vary") == Some("Accept-Encoding"));
    let ranged = client.ask("GET", "/big.txt", "Accept-Encoding: br\r\nRange: bytes=5-9\r\n");
    assert_eq!((ranged.status, ranged.body), (206, big.as_bytes()[5..=9].to_vec()));
    server.stop();
}

#[test]
fn compression_may_be_turned_off() {
    let site = Scratch::new();
    site.write("www/a.txt", text());
    let config = format!("root = \"{}/www\"\n[compression]\neffort = \"off\"\n", site.arg());
    let config = site.write("site.toml", config);
    let server = Server::start(&["--config", &config]);
    let mut client = server.client();
    for _ in 0..3 {
        let response = client.ask("GET", "/a.txt", "Accept-Encoding: br, gzip\r\n");
        assert_eq!((response.text(), response.field("vary")), (text().as_str(), None));
    }
    let net = server.net();
    let stages = net["stages"].as_array().expect("stages");
    assert!(stages.iter().all(|stage| stage["name"] != "make"), "what is off is not there");
    server.stop();
}

#[test]
fn several_ranges_come_as_parts_of_pages_and_of_large_files() {
    let site = Scratch::new();
    site.write("a.txt", text());
    let big = text().repeat(30);
    site.write("big.txt", &big);
    let server = Server::start(&[site.arg()]);
    let mut client = server.client();
    for (target, content) in [("/a.txt", text()), ("/big.txt", big)] {
        let last = content.len() - 1;
        let field = "Range: bytes=20000-60000, 0-9,10-19, -5\r\n";
        let response = client.ask("GET", target, field);
        assert_eq!(response.status, 206, "{target}");
        let kind = response.field("content-type").expect("a type");
        let mark = kind.strip_prefix("multipart/byteranges; boundary=").expect("a boundary");
        let ranges = [(20_000, 60_000), (0, 19), (last - 4, last)];
        let part = |(first, end): (usize, usize)| {
            let kind = "Content-Type: text/plain; charset=utf-8";
            let place = format!("Content-Range: bytes {first}-{end}/{}", content.len());
            let content = &content[first..=end];
            format!("--{mark}\r\n{kind}\r\n{place}\r\n\r\n{content}\r\n")
        };
        let expected = format!("{}--{mark}--\r\n", ranges.map(part).concat());
        assert!(response.text() == expected, "{target}");
    }
    let many: Vec<_> = (0..1000).map(|n| format!("{}-{}", 10 * n, 10 * n)).collect();
    let field = format!("Range: bytes={}\r\n", many.join(","));
    assert_eq!(client.ask("GET", "/a.txt", &field).status, 200, "many small ranges get it whole");
    server.stop();
}
