//! Flows of the real binary, sent to a collector.
#[path = "../../sluicegate-admin/tests/otlp/collector.rs"]
mod collector;
mod common;

use collector::{Answer, Collector};
use common::{Scratch, Server, command, until};
use rustix::process::Signal;
use serde_json::Value;
use std::process::Command;

const SLEEP: &str = "root = \".\"\n[[route]]\npath = \"/sleep\"\nhandler = \"sleep\"\n";
const PARENT: &str = "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n";

/// A service, with the resource of what it sends and the spans of all its requests.
fn sent(collector: &Collector) -> (Value, Vec<Value>) {
    let mut resource = Value::Null;
    let mut spans = Vec::new();
    for request in collector.requests() {
        let sent: Value = serde_json::from_str(&request.body).expect("JSON");
        let [one] = &sent["resourceSpans"].as_array().expect("a list")[..] else {
            panic!("one service: {sent}")
        };
        resource = one["resource"]["attributes"].clone();
        let own = one["scopeSpans"][0]["spans"].as_array().expect("a list");
        spans.extend(own.iter().cloned());
    }
    (resource, spans)
}

fn attribute<'a>(attributes: &'a Value, name: &str) -> Option<&'a str> {
    let all = attributes.as_array()?;
    all.iter().find(|one| one["key"] == name)?["value"]["stringValue"].as_str()
}

fn named(collector: &Collector, mut command: Command, more: &str) -> (Value, Vec<Value>, String) {
    command.env_remove("OTEL_EXPORTER_OTLP_HEADERS");
    let site = Scratch::new();
    let config = site.write("site.toml", format!("{SLEEP}{more}"));
    let args = ["serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--config", &config];
    let server = Server::start_as(command, &args);
    assert!(server.line("otlp").starts_with(&collector.endpoint()));
    let slow = server.client().ask("GET", "/sleep?ms=150", PARENT);
    assert_eq!(slow.status, 200);
    until("it is taken", || {
        let page = common::Client::connect(&server.address("admin")).get("/metrics");
        page.text().contains("\nsluicegate_otlp_flows_sent_total 1\n").then_some(())
    });
    // What is kept in the last moment is sent too.
    assert_eq!(server.client().get("/sleep?ms=120").status, 200);
    server.signal(Signal::TERM);
    let (status, _, complaints) = server.end();
    assert!(status.success(), "{complaints}");
    let (resource, spans) = sent(collector);
    (resource, spans, complaints)
}

#[test]
fn slow_requests_come_to_a_collector_as_part_of_the_trace_of_who_asked() {
    let collector = Collector::new(|_| Answer::Take);
    let more = format!("[otlp]\nendpoint = \"{}\"\n", collector.endpoint());
    let (resource, spans, complaints) = named(&collector, command(), &more);
    assert_eq!(complaints, "");
    assert_eq!(attribute(&resource, "service.name"), Some("sluicegate"));
    assert_eq!(attribute(&resource, "service.version"), Some(env!("CARGO_PKG_VERSION")));
    let roots: Vec<_> = spans.iter().filter(|span| span["kind"] == 2).collect();
    let [first, last] = &roots[..] else { panic!("two requests were slow: {spans:#?}") };
    assert_eq!(first["traceId"], "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(first["parentSpanId"], "b7ad6b7169203331");
    assert_eq!(last["parentSpanId"], Value::Null);
    assert_ne!(last["traceId"], first["traceId"]);
    for (root, least_ms) in [(first, 150), (last, 120)] {
        let own = |span: &&Value| span["parentSpanId"] == root["spanId"];
        let steps: Vec<_> = spans.iter().filter(own).collect();
        assert!(steps.iter().any(|step| step["name"] == "sleep"), "{steps:#?}");
        let time =
            |name: &str| root[name].as_str().expect("digits").parse::<u64>().expect("digits");
        assert!(time("endTimeUnixNano") - time("startTimeUnixNano") >= least_ms * 1_000_000);
        assert_eq!(attribute(&root["attributes"], "sluicegate.kept"), Some("slow"));
    }
}

#[test]
fn the_variables_of_opentelemetry_stand_where_nothing_else_does() {
    let collector = Collector::new(|_| Answer::Take);
    let mut command = command();
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint());
    command.env("OTEL_SERVICE_NAME", "shop");
    let (resource, ..) = named(&collector, command, "");
    assert_eq!(attribute(&resource, "service.name"), Some("shop"));
}

#[test]
fn a_collector_that_is_away_is_said_once_and_costs_nothing_else() {
    let gone = Collector::new(|_| Answer::Take).endpoint();
    let site = Scratch::new();
    let config = site.write("site.toml", format!("{SLEEP}[otlp]\nendpoint = \"{gone}\"\n"));
    let server = Server::start(&["--config", &config]);
    let metric = |line: &str| {
        let page = common::Client::connect(&server.address("admin")).get("/metrics");
        page.text().contains(line).then_some(())
    };
    for n in 1..=3 {
        assert_eq!(server.client().get("/sleep?ms=120").status, 200);
        until("it waits", || metric(&format!("\nsluicegate_otlp_flows_waiting {n}\n")));
    }
    server.signal(Signal::TERM);
    let (status, _, complaints) = server.end();
    assert!(status.success(), "{complaints}");
    let told: Vec<_> = complaints.lines().collect();
    let [away, left] = &told[..] else { panic!("{complaints}") };
    assert!(away.contains(" WARN sluicegate::otlp: the collector does not take all spans: "));
    assert!(left.contains(" WARN sluicegate::otlp: some flows were not sent flows=3"), "{left}");
}

#[test]
fn an_address_that_cannot_be_used_is_said_before_the_start() {
    let mut command = command();
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", "https://127.0.0.1:4318");
    let output = command.args(["serve", "--listen", "127.0.0.1:0"]).output().expect("it runs");
    let said = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(2), "{said}");
    let begin = "sluicegate: OTEL_EXPORTER_OTLP_ENDPOINT: `otlp.endpoint`: ";
    assert!(said.starts_with(begin) && said.contains("asks for TLS"), "{said}");
}
