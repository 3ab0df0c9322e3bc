//! The gate alone: which requests it lets pass, and what it replies to the others.
use super::*;
use crate::config::{Config, Machine, Settings};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use sluicegate::{Event, Rig};

const SITE: &str = r#"
strict_hosts = true
[[host]]
name = "a.example"
root = "/"
[[host.redirect]]
from = "/old/*"
to = "/new/*"
status = 308
[[host.rule]]
path = "/api"
[host.rule.cors]
origins = ["https://b.example"]
methods = ["GET", "PUT"]
headers = "X-Token"
max_age = "10m"
credentials = true
[[host.rule]]
path = "/open"
cors = { origins = "*" }
[[host.rule]]
path = "/api/secret"
auth = { realm = "api", users = { ali = "HASH" } }
"#;

fn plan() -> Arc<Plan> {
    // The least cost, so that the test is quick.
    let hash = bcrypt::non_truncating_hash("sesame", 4).expect("a short password");
    let toml = SITE.replace("HASH", &hash);
    let settings = Settings::from_toml("site.toml", &toml).expect("known settings");
    let config =
        Config::new(&settings, Machine { cpus: 1, memory: 1 << 30, files: 4096 }).expect("sound");
    Arc::new(Plan::new(&config).expect("the root is there"))
}

fn request(line: &str, fields: &str) -> Exchange {
    let text = format!("{line} HTTP/1.1\r\n{fields}\r\n\r\n");
    Exchange::read(text.as_bytes()).expect("a plain request")
}

/// Where the request goes, and with which reply.
fn sent(rig: &mut Rig<Gate>, exchange: Exchange) -> (&'static str, Option<Reply>) {
    rig.feed([exchange]).batch(1);
    let out = &mut rig.out;
    let ports = [
        ("pass", out.pass.take()),
        ("reply", out.reply.take()),
        ("site", out.site.take()),
        ("login", out.login.take()),
    ];
    let mut all = ports.into_iter().flat_map(|(port, events)| {
        events.into_iter().map(move |event: Event<Exchange>| (port, event))
    });
    let (port, event) = all.next().expect("it goes somewhere");
    assert!(all.next().is_none(), "it goes to one place");
    let (tag, mut exchange) = event.split();
    tag.finish();
    (port, exchange.take_reply())
}

#[track_caller]
fn check(rig: &mut Rig<Gate>, line: &str, fields: &str, port: &str, status: u16) {
    let (sent, reply) = sent(rig, request(line, fields));
    assert_eq!((sent, reply.as_ref().map_or(0, Reply::status)), (port, status), "{line} {fields}");
}

#[test]
fn hosts_and_redirects_come_first() {
    let refusals = Arc::<sluicegate_http::Refusals>::default();
    let mut rig = Rig::of(Gate::new(plan(), Arc::clone(&refusals)));
    for (host, port, status) in [
        ("a.example", "pass", 0),
        ("A.EXAMPLE:8080", "pass", 0),
        ("b.example", "reply", 421),
        ("", "reply", 421),
    ] {
        check(&mut rig, "GET /x", &format!("Host: {host}"), port, status);
    }
    check(&mut rig, "GET /old/secret?q", "Host: a.example", "site", 308);
    let counted: Vec<_> = refusals.each().filter(|(_, n)| *n > 0).collect();
    assert_eq!(counted, [(421, 2)], "what is refused is counted");
}

#[test]
fn preflights_are_answered_or_refused_with_a_reason() {
    let mut rig = Rig::of(Gate::new(plan(), Arc::default()));
    let ask = |origin: &str, method: &str, more: &str| {
        let fields = "Access-Control-Request-Method";
        format!("Host: a.example\r\nOrigin: {origin}\r\n{fields}: {method}{more}")
    };
    let (good, token) = ("https://b.example", "\r\nAccess-Control-Request-Headers: x-token");
    for (path, fields, status) in [
        ("/api", ask(good, "PUT", ""), 204),
        ("/api/secret", ask(good, "PUT", token), 204),
        ("/api", ask("https://c.example", "GET", ""), 403),
        ("/api", ask(good, "DELETE", ""), 403),
        ("/api", ask(good, "GET", "\r\nAccess-Control-Request-Headers: x-token, x-other"), 403),
        ("/open", ask("https://c.example", "GET", ""), 204),
    ] {
        check(&mut rig, &format!("OPTIONS {path}"), &fields, "reply", status);
    }
    check(&mut rig, "OPTIONS /none", &ask(good, "GET", ""), "pass", 0);
    check(&mut rig, "OPTIONS /api", "Host: a.example", "pass", 0);
    let (_, reply) = sent(&mut rig, request("OPTIONS /api", &ask(good, "GET", token)));
    let head = reply.expect("a reply").lines();
    assert_eq!(
        head,
        "Vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers\r\n\
         Access-Control-Allow-Origin: https://b.example\r\n\
         Access-Control-Allow-Credentials: true\r\n\
         Access-Control-Allow-Methods: GET, PUT\r\n\
         Access-Control-Allow-Headers: X-Token\r\n\
         Access-Control-Max-Age: 600\r\n"
    );
    let (_, reply) = sent(&mut rig, request("OPTIONS /api", &ask("null", "GET", "")));
    assert!(!reply.expect("a reply").lines().contains("Allow"), "a refusal allows nothing");
}

#[test]
fn who_is_not_logged_in_is_asked_to() {
    let plan = plan();
    let mut rig = Rig::of(Gate::new(Arc::clone(&plan), Arc::default()));
    check(&mut rig, "GET /api/secret", "Host: a.example", "site", 401);
    check(&mut rig, "GET /api/secret/", "Host: a.example\r\nAuthorization: x", "site", 401);
    let coded = BASE64_STANDARD.encode("ali:sesame");
    let right = format!("Host: a.example\r\nAuthorization: Basic {coded}");
    check(&mut rig, "GET /api/secret/x", &right, "login", 0);
    let mut pool = Rig::of(crate::stages::CheckLogin::new(plan, Arc::default()));
    let wrong =
        format!("Host: a.example\r\nAuthorization: Basic {}", BASE64_STANDARD.encode("a:b"));
    pool.feed([request("GET /api/secret", &right), request("GET /api/secret", &wrong)]).batch(2);
    let passed = pool.out.pass.take();
    let refused = pool.out.refused.take();
    assert_eq!((passed.len(), refused.len()), (1, 1));
    assert_eq!(refused[0].replied().map(Reply::status), Some(401));
    passed.into_iter().chain(refused).for_each(|event| event.split().0.finish());
    check(&mut rig, "GET /api/secret/x", &right, "pass", 0);
}
