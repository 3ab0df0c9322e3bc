//! What a configuration says of paths and errors, where no file is the answer: replies of handlers,
//! requests that are lost, and other origins.
mod common;

use common::{Client, Response, Scratch, Server, on_each_backend, run};
use std::net::TcpStream;

const HANDLERS: [&str; 5] = ["echo", "net", "panic", "sleep", "burn"];

/// A site with all handlers below `/api`.
fn serve(site: &Scratch, toml: &str) -> Server {
    let mut toml = format!("root = \"{}/www\"\nworkers = 1\n{toml}", site.arg());
    for handler in HANDLERS {
        toml.push_str(&format!("[[route]]\npath = \"/api/{handler}\"\nhandler = \"{handler}\"\n"));
    }
    let config = site.write("site.toml", toml);
    Server::start(&["--config", &config])
}

/// All values of a field.
fn all<'a>(response: &'a Response, name: &str) -> Vec<&'a str> {
    let lines = response.head.lines().filter_map(|line| line.split_once(": "));
    lines.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect()
}

#[test]
fn rules_and_pages_hold_for_replies_of_handlers() {
    const SITE: &str = "[errors]\n405 = \"/405.html\"\n\
        [[rule]]\npath = \"/\"\nheaders = { X-Frame-Options = \"DENY\" }\n\
        cache_control = \"max-age=9\"\n\
        [[rule]]\npath = \"/api/echo\"\nheaders = { X-Echo = \"1\" }\n\
        [[redirect]]\nfrom = \"/old\"\nto = \"/api/echo\"\n";
    on_each_backend(|| {
        let site = Scratch::new();
        site.write("www/405.html", "<p>not so");
        let server = serve(&site, SITE);
        let mut client = server.client();
        for (method, target, status, cache, echo) in [
            ("GET", "/api/echo", 200, vec!["max-age=9"], true),
            ("GET", "/api/burn?us=1", 200, vec!["max-age=9"], false),
            ("GET", "/api/sleep?ms=1", 200, vec!["max-age=9"], false),
            ("GET", "/api/sleep?ms=x", 400, vec![], false),
            ("GET", "/api/net", 200, vec!["no-store"], false),
            ("HEAD", "/api/net", 200, vec!["no-store"], false),
            ("DELETE", "/api/net", 405, vec![], false),
            ("GET", "/old", 301, vec![], false),
        ] {
            for _ in 0..2 {
                let response = client.ask(method, target, "");
                let found = (response.status, all(&response, "cache-control"));
                assert_eq!(found, (status, cache.clone()), "{method} {target}");
                assert_eq!(all(&response, "x-frame-options"), ["DENY"], "{method} {target}");
                assert_eq!(response.field("x-echo").is_some(), echo, "{method} {target}");
                if status == 405 {
                    assert_eq!(response.text(), "<p>not so");
                    assert_eq!(response.field("allow"), Some("GET, HEAD"));
                }
            }
        }
        let body = vec![b'x'; 300_000];
        client.send("POST /api/echo HTTP/1.1\r\nHost: t\r\nContent-Length: 300000\r\n\r\n");
        client.send(&body);
        let echoed = client.response(false);
        assert!(echoed.body == body && echoed.field("x-echo").is_some());
        server.stop();
    });
}

#[test]
fn a_request_that_is_lost_gets_the_page_of_its_site() {
    const SITES: &str = "[errors]\n500 = \"/500.html\"\n\
        [[rule]]\npath = \"/\"\nheaders = { X-Top = \"1\" }\n\
        [[host]]\nname = \"own.example\"\nroot = \"own\"\n\
        [host.errors]\n500 = \"/sorry.txt\"\n\
        [[host]]\nname = \"bare.example\"\nroot = \"own\"\n\
        [[host]]\nname = \"large.example\"\nroot = \"own\"\n\
        [host.errors]\n500 = \"/large.txt\"\n503 = \"/none.txt\"\n";
    on_each_backend(|| {
        let site = Scratch::new();
        site.write("www/500.html", "<p>broken");
        site.write("www/a.txt", "a");
        site.write("own/sorry.txt", "sorry");
        site.write("own/large.txt", vec![b'x'; (64 << 10) + 1]);
        let server = serve(&site, SITES);
        let mut client = server.client();
        let html = "text/html; charset=utf-8";
        let plain = "text/plain; charset=utf-8";
        for (host, media, body, top) in [
            ("test", html, "<p>broken", true),
            ("OWN.example:80", plain, "sorry", false),
            ("bare.example", plain, "Internal Server Error", false),
            ("large.example", plain, "Internal Server Error", false),
        ] {
            for method in ["GET", "HEAD"] {
                // Both on one connection, so that a body too many or too few would be seen.
                let lost = ask(&mut client, method, host, "/api/panic");
                assert_eq!((lost.status, lost.field("content-type")), (500, Some(media)), "{host}");
                let length = body.len().to_string();
                assert_eq!(lost.field("content-length"), Some(length.as_str()), "{host}");
                let body = if method == "HEAD" { "" } else { body };
                assert_eq!((lost.text(), lost.field("x-top").is_some()), (body, top), "{host}");
            }
        }
        assert_eq!(client.get("/a.txt").text(), "a", "the connection goes on");
        server.stop();
        let file = site.path().join("site.toml");
        let said = run(&["check", file.to_str().expect("a plain path")]);
        let said = String::from_utf8(said.stdout).expect("text");
        for (status, why) in
            [(500, "large.txt is longer than 64 KiB"), (503, "none.txt is not there")]
        {
            let lost = "lost requests are answered without it (large.example)";
            assert!(said.contains(&format!("note: error {status}: /{why}: {lost}\n")), "{said}");
        }
    });
}

fn ask(client: &mut Client<TcpStream>, method: &str, host: &str, target: &str) -> Response {
    client.send(format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\n\r\n"));
    client.response(method == "HEAD")
}

const ORIGINS: &str = "[[rule]]\npath = \"/api\"\n[rule.cors]\n\
    origins = [\"https://a.example\"]\nmethods = [\"GET\", \"PUT\"]\nheaders = \"X-Token\"\n\
    expose = \"X-Total\"\nmax_age = \"10m\"\ncredentials = true\n\
    [[rule]]\npath = \"/open\"\ncors = { origins = \"*\" }\n";

#[test]
fn a_preflight_is_answered_before_the_request() {
    on_each_backend(|| {
        let site = Scratch::new();
        site.write("www/open/a.txt", "open");
        let server = serve(&site, ORIGINS);
        let mut client = server.client();
        let put = "Access-Control-Request-Method: PUT\r\nAccess-Control-Request-Headers: x-token";
        let (good, bad) = ("Origin: https://a.example", "Origin: https://b.example");
        let allowed = client.ask("OPTIONS", "/api/echo", &format!("{good}\r\n{put}\r\n"));
        for (name, value) in [
            ("access-control-allow-origin", "https://a.example"),
            ("access-control-allow-credentials", "true"),
            ("access-control-allow-methods", "GET, PUT"),
            ("access-control-allow-headers", "X-Token"),
            ("access-control-max-age", "600"),
        ] {
            assert_eq!(all(&allowed, name), [value], "{}", allowed.head);
        }
        assert_eq!((allowed.status, allowed.field("content-length")), (204, None));
        for (fields, why) in [
            (format!("{bad}\r\n{put}\r\n"), "this origin is not allowed here"),
            (
                format!("{good}\r\nAccess-Control-Request-Method: DELETE\r\n"),
                "this method is not allowed from other origins",
            ),
            (
                format!("{good}\r\n{put}, x-other\r\n"),
                "a field of the request is not allowed from other origins",
            ),
        ] {
            let refused = client.ask("OPTIONS", "/api/echo", &fields);
            assert_eq!((refused.status, refused.text()), (403, why));
            assert!(!refused.head.contains("Access-Control-Allow"), "{}", refused.head);
        }
        let get = format!("{bad}\r\nAccess-Control-Request-Method: GET\r\n");
        let open = client.ask("OPTIONS", "/open/a.txt", &get);
        assert_eq!((open.status, all(&open, "access-control-allow-origin")), (204, vec!["*"]));
        server.stop();
    });
}

#[test]
fn files_and_handlers_say_which_origins_may_read_them() {
    on_each_backend(|| {
        let site = Scratch::new();
        site.write("www/api/a.txt", "a");
        site.write("www/open/a.txt", "open");
        let server = serve(&site, ORIGINS);
        let mut client = server.client();
        for (target, status) in [
            ("/api/a.txt", 200),
            ("/api/none", 404),
            ("/api/echo", 200),
            ("/api/sleep?ms=x", 400),
            ("/api/burn?us=1", 200),
        ] {
            for (origin, allowed) in [
                ("Origin: https://a.example\r\n", true),
                ("Origin: https://b.example\r\n", false),
                ("", false),
            ] {
                let response = client.ask("GET", target, origin);
                assert_eq!(response.status, status, "{target}");
                let (one, yes) = match allowed {
                    true => (vec!["https://a.example"], vec!["true"]),
                    false => (vec![], vec![]),
                };
                assert_eq!(all(&response, "access-control-allow-origin"), one, "{target} {origin}");
                let credentials = all(&response, "access-control-allow-credentials");
                assert_eq!(credentials, yes, "{target} {origin}");
                assert_eq!(all(&response, "access-control-expose-headers"), ["X-Total"]);
                assert!(all(&response, "vary").contains(&"Origin"), "{target} {origin}");
            }
        }
        for origin in ["Origin: https://b.example\r\n", ""] {
            let open = client.ask("GET", "/open/a.txt", origin);
            assert_eq!(
                (open.text(), all(&open, "access-control-allow-origin")),
                ("open", vec!["*"])
            );
        }
        server.stop();
    });
}
