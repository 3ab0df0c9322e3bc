//! Sites with rules, a gate and pages for errors, in a simulated network.
use super::*;

/// Everything that a gate, a site and its pages can do.
const RULES: &str = r#"
fallback = "/app.html"
[errors]
404 = "/errors/404.html"
405 = "/errors/none.html"
401 = "/big.bin"
[[rule]]
path = "/"
headers = { X-All = "1" }
[[rule]]
path = "/pub"
listing = true
cors = { origins = ["https://b.example"] }
[[rule]]
path = "/secret"
auth = { users = { ali = "HASH" } }
[[redirect]]
from = "/old/*"
to = "/*"
[[host]]
name = "*.example"
root = "ROOT/dir"
[[host.redirect]]
from = "/moved"
to = "/"
"#;

fn ruled(seed: u64) -> World {
    // The least cost, so that the test is quick.
    let hash = bcrypt::non_truncating_hash("sesame", 4).expect("a short password");
    let world = World::new(seed, &RULES.replace("HASH", &hash));
    world.files.write("app.html", "app");
    world.files.write("errors/404.html", "nothing here");
    world.files.write("pub/file.txt", "public");
    world
}

#[test]
fn sites_and_their_rules_hold_in_the_net() {
    let mut world = ruled(4);
    let mut peer = world.net.connect(&world.site);
    let html = "Accept: text/html\r\n";
    let b = "Origin: https://b.example\r\n";
    for (line, fields, status, contains) in [
        ("GET /a.txt", "", "200", "X-All: 1\r\n"),
        ("GET /none", "", "404", "nothing here"),
        ("HEAD /none", "", "404", "Content-Length: 12\r\n"),
        ("GET /none", html, "200", "app"),
        ("GET /errors/404.html", "", "200", "nothing here"),
        ("POST /a.txt", "", "405", "Method Not Allowed"),
        ("GET /pub/", "", "200", "file.txt"),
        ("GET /pub/", b, "200", "Access-Control-Allow-Origin: https://b.example\r\n"),
        ("GET /pub/file.txt", b, "200", "Access-Control-Allow-Origin: https://b.example\r\n"),
        ("GET /dir/none/", "", "404", "nothing here"),
        ("GET /old/a.txt", "", "301", "Location: /a.txt\r\n"),
        ("GET /echo", "", "200", "Content-Length: 0\r\n"),
        ("GET /secret/x", "", "401", "WWW-Authenticate: Basic realm=\"restricted\""),
        ("GET /secret/x", "Authorization: Basic YWxpOng=\r\n", "401", "xxxxxxxxxx"),
    ] {
        // Twice: from the disk, and from memory.
        for _ in 0..2 {
            let text = format!("{line} HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
            let came = world.ask(&mut peer, &text, 1500);
            assert_eq!(statuses(&came), [status], "{line} {fields}: {came}");
            assert!(came.contains(contains), "{line} {fields}: {came}");
        }
    }
    for (line, status, contains) in [
        ("GET /", "200", "dir"),
        ("GET /a.txt", "404", "Not Found"),
        ("GET /moved", "301", "Location: /\r\n"),
        ("GET /pub/", "404", "Not Found"),
    ] {
        let text = format!("{line} HTTP/1.1\r\nHost: A.example:80\r\n\r\n");
        let came = world.ask(&mut peer, &text, 60);
        assert_eq!(statuses(&came), [status], "{line}: {came}");
        assert!(came.ends_with(contains) || came.contains(contains), "{line}: {came}");
        assert!(!came.contains("X-All"), "{came}");
    }
    drop(peer);
    world.even();
}

#[test]
fn a_page_that_is_gone_leaves_the_error_as_it_is() {
    let mut world = ruled(5);
    std::fs::remove_file(world.files.path().join("errors/404.html")).expect("it was there");
    std::fs::remove_file(world.files.path().join("app.html")).expect("it was there");
    let mut peer = world.net.connect(&world.site);
    for _ in 0..3 {
        let text = "GET /none HTTP/1.1\r\nHost: a\r\nAccept: text/html\r\n\r\n";
        let came = world.ask(&mut peer, text, 60);
        assert!(statuses(&came) == ["404"] && came.ends_with("Not Found"), "{came}");
        world.run(1000);
    }
    drop(peer);
    world.even();
}

#[test]
fn whatever_clients_do_with_rules_nothing_vanishes() {
    let lines = [
        "GET /a.txt",
        "GET /none",
        "HEAD /none",
        "GET /pub/",
        "GET /pub/?sort=size",
        "POST /a.txt",
        "GET /old/x",
        "GET /secret",
        "GET /secret/x HTTP/1.1\r\nAuthorization: Basic YWxpOng=\r\nX:",
        "GET /echo",
        "GET /moved",
        "OPTIONS /pub/ HTTP/1.1\r\nOrigin: x\r\nAccess-Control-Request-Method: GET\r\nX:",
    ];
    for seed in 50..62 {
        let mut world = ruled(seed);
        let mut random = Random::new(seed);
        let mut peers: Vec<SimPeer> = Vec::new();
        for _ in 0..100 {
            let n = random.below(peers.len() as u32 + 1) as usize;
            match random.below(10) {
                0..=2 => peers.push(world.net.connect(&world.site)),
                3 if n < peers.len() => peers.swap_remove(n).reset(),
                4 if n < peers.len() => drop(peers.swap_remove(n)),
                _ if n < peers.len() => {
                    let line = lines[random.below(lines.len() as u32) as usize];
                    let host = ["a", "b.example"][random.below(2) as usize];
                    let accept = ["x/y", "text/html"][random.below(2) as usize];
                    let end = format!("HTTP/1.1\r\nHost: {host}\r\nAccept: {accept}\r\n\r\n");
                    peers[n].send(format!("{line} {end}").as_bytes());
                }
                _ => {}
            }
            world.run(u64::from(random.below(4)));
        }
        drop(peers);
        world.even();
    }
}
