//! `/metrics` of the running server, as a scraper gets it, read by a parser of its own.

mod common;
#[path = "../../sluicegate-admin/tests/parser/mod.rs"]
mod parser;

use common::{Client, Scratch, Server, on_each_backend};
use parser::{Sample, parse};

const OPEN: &str = "Accept: application/openmetrics-text;version=1.0.0,text/plain;q=0.5\r\n";

fn scrape(server: &Server, fields: &str) -> (String, Vec<Sample>) {
    let got = Client::connect(&server.address("admin")).ask("GET", "/metrics", fields);
    assert_eq!(got.status, 200);
    let media = got.field("content-type").expect("a type").to_owned();
    let samples = parse(got.text(), media.starts_with("application/openmetrics-text"));
    (media, samples.unwrap_or_else(|what| panic!("{what}\n{}", got.text())))
}

fn value(samples: &[Sample], name: &str, labels: &[(&str, &str)]) -> f64 {
    let is = |sample: &&Sample| {
        let has =
            |&(name, value): &(&str, &str)| sample.labels.get(name).is_some_and(|v| v == value);
        sample.name == name && labels.iter().all(has)
    };
    let found = samples.iter().find(is).unwrap_or_else(|| panic!("no {name} {labels:?}"));
    found.value
}

#[test]
fn a_scraper_gets_what_the_server_counts_in_the_form_it_likes() {
    on_each_backend(|| {
        let site = Scratch::new();
        site.write("index.html", "here");
        let server = Server::start(&[site.arg()]);
        let mut client = server.client();
        for _ in 0..5 {
            assert_eq!(client.get("/").status, 200);
        }
        assert_eq!(client.ask("GET", "/", "Content-Length: x\r\n").status, 400);
        let (plain_type, plain) = scrape(&server, "");
        assert_eq!(plain_type, "text/plain; version=0.0.4; charset=utf-8");
        let (open_type, open) = scrape(&server, OPEN);
        assert_eq!(open_type, "application/openmetrics-text; version=1.0.0; charset=utf-8");
        for samples in [&plain, &open] {
            assert_eq!(value(samples, "sluicegate_stage_served_total", &[("stage", "cache")]), 6.0);
            assert_eq!(value(samples, "sluicegate_http_refused_total", &[("status", "400")]), 1.0);
            assert!(value(samples, "sluicegate_connections_open", &[]) >= 1.0);
            assert!(value(samples, "sluicegate_cache_budget_bytes", &[]) > 0.0);
            let resident = value(samples, "process_resident_memory_bytes", &[]);
            let part = [("part", "anonymous")];
            assert!(value(samples, "sluicegate_memory_part_bytes", &part) < resident);
            let open = value(samples, "process_open_fds", &[]);
            assert!((3.0..value(samples, "process_max_fds", &[])).contains(&open), "{open}");
            assert!(value(samples, "process_cpu_seconds_total", &[]) > 0.0);
        }
        let machine = &server.net()["machine"];
        assert!(machine["rss_bytes"].as_u64() > machine["anonymous_bytes"].as_u64(), "{machine}");
        assert!(machine["descriptors"].as_u64() < machine["descriptors_max"].as_u64(), "{machine}");
        assert!(machine["cpus"].as_u64() >= Some(1), "{machine}");
        let mut admin = Client::connect(&server.address("admin"));
        let head = admin.ask("HEAD", "/metrics", OPEN);
        assert_eq!((head.status, head.body.len()), (200, 0));
        assert_eq!(admin.ask("POST", "/metrics", "").status, 405);
        assert_eq!(server.client().get("/metrics").status, 404, "the site has none");
        server.stop();
    });
}
