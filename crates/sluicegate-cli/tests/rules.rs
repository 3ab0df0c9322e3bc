//! Rules, redirects, logins, listings and hosts, served by the real binary.
mod common;

use common::{Client, Response, Scratch, Server, command, run, until};
use std::io::Write;
use std::net::TcpStream;
use std::process::Stdio;

fn serve(site: &Scratch, toml: &str) -> Server {
    let toml = format!("root = \"{}/www\"\n{toml}", site.arg());
    let config = site.write("site.toml", toml);
    Server::start(&["--config", &config, "--workers", "2"])
}

/// Asks another host than `test`.
fn ask(client: &mut Client<TcpStream>, host: &str, target: &str) -> Response {
    client.send(format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n"));
    client.response(false)
}

#[test]
fn rules_add_fields_to_all_that_a_site_replies() {
    let site = Scratch::new();
    site.write("www/index.html", "home");
    site.write("www/assets/a.js", "0123456789");
    site.write("www/assets/big.bin", vec![7; 2_000_000]);
    let server = serve(
        &site,
        "[compression]\nmin = 0\n\
         [[rule]]\npath = \"/\"\nheaders = { X-Frame-Options = \"DENY\" }\n\
         cache_control = \"no-cache\"\n\
         [[rule]]\npath = \"/assets\"\nheaders = { x-frame-options = \"SAMEORIGIN\" }\n\
         cache_control = \"public, max-age=31536000, immutable\"\n",
    );
    // A file coded ahead is sent with the same fields; what is in it does not matter here.
    site.write("www/assets/a.js.gz", "coded");
    let mut client = server.client();
    let coded = until("the coded form", || {
        let coded = client.ask("GET", "/assets/a.js", "Accept-Encoding: gzip\r\n");
        coded.field("content-encoding").is_some().then_some(coded)
    });
    assert_eq!((coded.field("content-encoding"), coded.text()), (Some("gzip"), "coded"));
    assert_eq!(coded.field("x-frame-options"), Some("SAMEORIGIN"));
    let etag = client.get("/assets/a.js").field("etag").expect("a tag").to_owned();
    let (deny, same) = (Some("DENY"), Some("SAMEORIGIN"));
    let long = Some("public, max-age=31536000, immutable");
    for (target, fields, status, frame, cache) in [
        ("/", "", 200, deny, Some("no-cache")),
        ("/assets/a.js", "", 200, same, long),
        ("/assets/a.js", &format!("If-None-Match: {etag}\r\n"), 304, same, long),
        ("/assets/a.js", "Range: bytes=0-1\r\n", 206, same, long),
        ("/assets/a.js", "Range: bytes=99-\r\n", 416, same, None),
        ("/assets/big.bin", "", 200, same, long),
        ("/assets", "", 301, same, None),
        ("/none", "", 404, deny, None),
    ] {
        for _ in 0..2 {
            let response = client.ask("GET", target, fields);
            let found = (
                response.status,
                response.field("x-frame-options"),
                response.field("cache-control"),
            );
            assert_eq!(found, (status, frame, cache), "{target} {fields}");
        }
    }
    server.stop();
}

#[test]
fn pages_stand_in_the_place_of_errors_and_of_what_is_missing() {
    let site = Scratch::new();
    site.write("www/404.html", "<p>nothing");
    site.write("www/app.html", "<p>app");
    for more in ["", "[cache]\nbudget = 0\n"] {
        let toml = format!(
            "fallback = \"/app.html\"\n[errors]\n404 = \"/404.html\"\n405 = \"/none.html\"\n{more}"
        );
        let server = serve(&site, &toml);
        let mut client = server.client();
        for _ in 0..2 {
            let missing = client.get("/none");
            assert_eq!((missing.status, missing.text()), (404, "<p>nothing"));
            assert_eq!(missing.field("content-type"), Some("text/html; charset=utf-8"));
            assert_eq!(missing.field("etag"), None, "it is not the page itself");
            let head = client.ask("HEAD", "/none", "");
            assert_eq!((head.status, head.field("content-length")), (404, Some("10")));
            let app = client.ask("GET", "/some/path?x", "Accept: text/html,*/*\r\n");
            assert_eq!((app.status, app.text()), (200, "<p>app"));
            let page = client.get("/404.html");
            assert_eq!((page.status, page.text()), (200, "<p>nothing"));
            let refused = client.ask("POST", "/none", "Content-Length: 0\r\n");
            assert_eq!((refused.status, refused.text()), (405, "Method Not Allowed"));
            assert_eq!(refused.field("allow"), Some("GET, HEAD, OPTIONS"));
        }
        server.stop();
    }
}

#[test]
fn redirects_keep_the_rest_and_the_query() {
    let site = Scratch::new();
    site.write("www/a.txt", "a");
    let server = serve(
        &site,
        "[[redirect]]\nfrom = \"/old/*\"\nto = \"/*\"\nstatus = 307\n\
         [[redirect]]\nfrom = \"/x\"\nto = \"https://example.org/?y\"\n",
    );
    let mut client = server.client();
    for (target, status, place) in [
        ("/old/a%20b?q=1", 307, Some("/a%20b?q=1")),
        ("/old//evil.example", 307, Some("/evil.example")),
        ("/x?q", 301, Some("https://example.org/?y")),
        ("/a.txt", 200, None),
    ] {
        let response = client.get(target);
        assert_eq!((response.status, response.field("location")), (status, place), "{target}");
    }
    server.stop();
}

#[test]
fn a_login_opens_a_path_for_files_and_handlers() {
    let site = Scratch::new();
    site.write("www/secret/a.txt", "secret");
    site.write("www/open.txt", "open");
    let mut child = command()
        .arg("hash-password")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    child.stdin.take().expect("piped").write_all(b"sesame\n").expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    let hash = String::from_utf8(output.stdout).expect("text");
    site.write("users", format!("# people\nali:{hash}"));
    let server = serve(
        &site,
        "[[route]]\npath = \"/echo\"\nhandler = \"echo\"\n\
         [[rule]]\npath = \"/secret\"\nauth = { realm = \"caf\u{e9}\", file = \"users\" }\n\
         [[rule]]\npath = \"/echo\"\nauth = { file = \"users\" }\n",
    );
    let mut client = server.client();
    // ali:sesame, ali:wrong and nobody:sesame.
    let (right, wrong, nobody) = ("YWxpOnNlc2FtZQ==", "YWxpOndyb25n", "bm9ib2R5OnNlc2FtZQ==");
    let login = |coded: &str| format!("Authorization: Basic {coded}\r\n");
    for (target, fields, status, body) in [
        ("/open.txt", String::new(), 200, "open"),
        ("/secret/a.txt", String::new(), 401, "Unauthorized"),
        ("/secret", String::new(), 401, "Unauthorized"),
        ("/secret/a.txt", login(wrong), 401, "Unauthorized"),
        ("/secret/a.txt", login(nobody), 401, "Unauthorized"),
        ("/secret/a.txt", login(right), 200, "secret"),
        ("/secret/a.txt", login(right), 200, "secret"),
        ("/secret%2fa.txt", String::new(), 401, "Unauthorized"),
        ("/echo", String::new(), 401, "Unauthorized"),
        ("/echo", login(right), 200, ""),
    ] {
        let response = client.ask("GET", target, &fields);
        assert_eq!((response.status, response.text()), (status, body), "{target} {fields}");
        let asked = response.field("www-authenticate").is_some();
        assert_eq!(asked, status == 401, "{target} {fields}");
    }
    let wrong = run(&["hash-password"]);
    assert_eq!(wrong.status.code(), Some(2), "nothing on stdin is no password");
    server.stop();
}

#[test]
fn directories_are_shown_where_that_is_asked_for() {
    let site = Scratch::new();
    site.write("www/pub/<b>.txt", "1");
    site.write("www/pub/.hidden", "1");
    site.write("www/pub/sub/index.html", "sub");
    site.write("www/private/x", "1");
    let server =
        serve(&site, "[[rule]]\npath = \"/pub\"\nlisting = true\nheaders = { X-Pub = \"1\" }\n");
    let mut client = server.client();
    for _ in 0..2 {
        let page = client.ask("GET", "/pub/", "Accept: text/html\r\n");
        assert_eq!(
            (page.status, page.field("content-type")),
            (200, Some("text/html; charset=utf-8"))
        );
        assert!(page.text().contains("&lt;b&gt;.txt") && !page.text().contains("hidden"));
        assert!(page.head.matches("X-Pub: 1").count() == 1, "{}", page.head);
        let json = client.ask("GET", "/pub/?sort=size", "Accept: application/json\r\n");
        assert_eq!(json.field("content-type"), Some("application/json"));
        let json: serde_json::Value = serde_json::from_slice(&json.body).expect("JSON");
        assert_eq!(
            (&json["entries"][0]["name"], &json["entries"][1]["size"]),
            (&"sub".into(), &1.into())
        );
        let head = client.ask("HEAD", "/pub/", "");
        assert_eq!(head.status, 200);
        assert_eq!(client.get("/pub").field("location"), Some("/pub/"));
        assert_eq!(client.get("/pub/sub/").text(), "sub");
        assert_eq!(client.get("/private/").status, 404);
        assert_eq!(client.get("/pub/none/").status, 404);
    }
    server.stop();
}

#[test]
fn each_host_has_its_own_site_and_all_share_one_budget() {
    let site = Scratch::new();
    site.write("www/a.txt", "top");
    site.write("one/a.txt", "one");
    site.write("two/a.txt", "two");
    let hosts = "[[host]]\nname = [\"one.example\", \"uno.example\"]\nroot = \"one\"\n\
                 [[host.rule]]\npath = \"/\"\nheaders = { X-One = \"1\" }\n\
                 [[host]]\nname = \"*.two.example\"\nroot = \"two\"\n\
                 [[host.redirect]]\nfrom = \"/r\"\nto = \"/a.txt\"\n";
    let server = serve(&site, hosts);
    let mut client = server.client();
    for _ in 0..2 {
        for (host, target, status, body) in [
            ("one.example", "/a.txt", 200, "one"),
            ("UNO.example:81", "/a.txt", 200, "one"),
            ("x.two.example", "/a.txt", 200, "two"),
            ("two.example", "/a.txt", 200, "top"),
            ("other.example", "/a.txt", 200, "top"),
            ("x.two.example", "/r", 301, "Moved Permanently"),
            ("one.example", "/r", 404, "Not Found"),
        ] {
            let response = ask(&mut client, host, target);
            assert_eq!((response.status, response.text()), (status, body), "{host}{target}");
            assert_eq!(response.field("x-one").is_some(), body == "one" || host == "one.example");
        }
    }
    assert!(server.net()["cache"]["bytes"].as_u64().expect("a number") > 3 * 1024, "three pages");
    server.stop();
    let strict = serve(&site, &format!("strict_hosts = true\n{hosts}"));
    let mut client = strict.client();
    assert_eq!(ask(&mut client, "one.example", "/a.txt").text(), "one");
    assert_eq!(ask(&mut client, "other.example", "/a.txt").status, 421);
    strict.stop();
}
