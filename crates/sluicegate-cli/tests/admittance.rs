//! Who is admitted to the admin listener, what its answers tell browsers, and how well it says the
//! net is.

mod common;

use common::{Client, Response, Scratch, Server, on_each_backend, run};
use serde_json::Value;
use std::os::unix::net::UnixStream;

const TOKEN: &str = "0123456789abcdef0123456789abcdef";
/// The same as the password of `anna`.
const BASIC: &str = "Authorization: Basic YW5uYTowMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZg==\r\n";

fn ask(server: &Server, method: &str, target: &str, fields: &str) -> Response {
    Client::connect(&server.address("admin")).ask(method, target, fields)
}

fn status(response: &Response) -> (u16, Value) {
    (response.status, serde_json::from_slice(&response.body).expect("JSON"))
}

#[test]
fn a_token_is_asked_for_wherever_something_is_shown_or_changed() {
    on_each_backend(|| {
        let site = Scratch::new();
        let token = site.write("token", format!("{TOKEN}\n"));
        let server = Server::start(&[site.arg(), "--admin-token-file", &token]);
        let bearer = format!("Authorization: Bearer {TOKEN}\r\n");
        let twice = format!("{bearer}{bearer}");
        let change = "/api/settings?stages.cache.batch=7";
        for fields in ["", "Authorization: Bearer no\r\n", "Authorization: Basic eDp5\r\n", &twice]
        {
            for (method, target) in [
                ("GET", "/"),
                ("GET", "/app.js"),
                ("GET", "/api/net"),
                ("GET", "/metrics"),
                ("GET", "/api/settings"),
                ("GET", "/nothing"),
                ("POST", change),
                ("POST", "/api/stages/cache/pause"),
            ] {
                let got = ask(&server, method, target, fields);
                assert_eq!(got.status, 401, "{method} {target} {fields}");
                let challenge = got.field("www-authenticate").expect("how to log in");
                assert!(challenge.starts_with("Basic realm="), "{challenge}");
            }
        }
        for fields in ["", &bearer] {
            let (status, said) = status(&ask(&server, "GET", "/readyz", fields));
            assert_eq!((status, &said["status"]), (200, &"ready".into()));
            assert_eq!(said["why"].is_array(), !fields.is_empty(), "why is for the admitted");
        }
        for fields in [&bearer[..], BASIC] {
            assert_eq!(ask(&server, "GET", "/api/net", fields).status, 200);
            assert_eq!(ask(&server, "GET", "/", fields).status, 200);
        }
        assert_eq!(ask(&server, "POST", change, BASIC).status, 200);
        let changes = ask(&server, "GET", "/api/settings", &bearer);
        let changes: Value = serde_json::from_slice(&changes.body).expect("JSON");
        assert_eq!(
            (&changes["changes"][0]["by"], changes["changes"][1].clone()),
            (&"anna".into(), Value::Null)
        );
        let freeze = "/api/stages/cache/pause?by=ev%0Ail";
        assert_eq!(ask(&server, "POST", freeze, &bearer).status, 200);
        server.signal(rustix::process::Signal::TERM);
        let (_, _, complaints) = server.end();
        let head = " INFO sluicegate::settings: ";
        let told = complaints.lines().filter_map(|line| Some(line.split_once(head)?.1));
        let told: Vec<_> = told.collect();
        assert_eq!(
            told,
            [
                r#"a setting was changed over admin by="anna" path="stages.cache.batch" to="7""#,
                r#"a stage was paused over admin by="ev\nil" stage="cache""#,
            ]
        );
    });
}

#[test]
fn who_listens_for_others_without_a_token_is_told_what_to_do() {
    let site = Scratch::new();
    let output = run(&["serve", "--listen", "127.0.0.1:0", "--admin", "0.0.0.0:0", site.arg()]);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).expect("text");
    let begin = "sluicegate: --admin: `admin` is reached from elsewhere";
    assert!(said.starts_with(begin) && said.contains("`admin_token_file`"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}

#[test]
fn a_name_that_only_leads_here_is_shown_nothing() {
    let site = Scratch::new();
    let config = site.write("site.toml", "admin_hosts = \"admin.example.org\"\nroot = \".\"\n");
    let server = Server::start(&["--config", &config]);
    let asked = |method: &str, host: &str, fields: &str| {
        let mut admin = Client::connect(&server.address("admin"));
        admin.send(format!("{method} /api/settings HTTP/1.1\r\nHost: {host}\r\n{fields}\r\n"));
        admin.response(false).status
    };
    for host in ["127.0.0.1:9900", "localhost:9900", "[::1]", "admin.example.org:9900"] {
        assert_eq!(asked("GET", host, ""), 200, "{host}");
    }
    for host in ["evil.example", "evil.example:9900", "x.admin.example.org"] {
        assert_eq!(asked("GET", host, ""), 403, "{host}");
        let own = format!("Origin: http://{host}\r\n");
        assert_eq!(asked("POST", host, &own), 403, "{host}");
    }
    // It gets as far as to be told that it names nothing to change.
    let own = "Origin: https://admin.example.org\r\n";
    assert_eq!(asked("POST", "admin.example.org", own), 400);
    server.stop();
}

#[test]
fn browsers_are_told_to_run_nothing_of_others_and_to_tell_nobody() {
    let site = Scratch::new();
    let server = Server::start(&[site.arg()]);
    for (method, target) in [
        ("GET", "/"),
        ("GET", "/app.js"),
        ("GET", "/api/net"),
        ("GET", "/metrics"),
        ("GET", "/healthz"),
        ("GET", "/nothing"),
        ("DELETE", "/api/net"),
        ("POST", "/api/settings"),
    ] {
        let got = ask(&server, method, target, "");
        let policy = got.field("content-security-policy").expect("a policy");
        assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
        assert_eq!(got.field("x-content-type-options"), Some("nosniff"), "{method} {target}");
        assert_eq!(got.field("referrer-policy"), Some("no-referrer"), "{method} {target}");
    }
    server.stop();
}

#[test]
fn a_unix_socket_is_asked_as_any_address() {
    let site = Scratch::new();
    let socket = site.path().join("admin.sock");
    let admin = format!("unix:{}", socket.display());
    let args = ["serve", "--listen", "127.0.0.1:0", "--admin", &admin, site.arg()];
    let server = Server::start_with(&args);
    let mut client = Client::over(UnixStream::connect(&socket).expect("it listens"));
    assert_eq!(client.get("/healthz").text(), r#"{"status":"live","why":[]}"#);
    assert_eq!(client.get("/api/net").status, 200);
    drop(client);
    server.stop();
}

#[test]
fn overload_is_told_from_failure() {
    on_each_backend(|| {
        let site = Scratch::new();
        let server = Server::start(&[site.arg()]);
        assert_eq!(
            status(&ask(&server, "GET", "/healthz", "")),
            (200, serde_json::json!({ "status": "live", "why": [] }))
        );
        assert_eq!(ask(&server, "POST", "/readyz", "").status, 405);
        assert_eq!(ask(&server, "HEAD", "/readyz", "").status, 200);
        server.stop();
    });
}
