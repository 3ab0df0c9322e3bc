//! Metrics of a net in both formats, read by a parser of its own.

mod parser;

use parser::{Sample, parse};
use sluicegate::{
    AdmissionQueue, Ask, Batch, Cx, Net, Out, Overload, Sim, Snapshot, Time, bounded, from_fn, ms,
    stage,
};
use sluicegate_admin::metrics::{Form, Page, all, docs, put_build, put_gate, put_net};

/// A name that has to be escaped.
const ODD: &str = "odd \"name\" with \\ and\nmore";

/// A net of two stages in which ten events were handled.
fn snapshot() -> Snapshot {
    let mut net = Net::new("service");
    let cpu = net.domain("cpu").pinned(2);
    let pass = || {
        from_fn(|batch: Batch<'_, u64>, cx: &mut Cx<'_, Out<u64>>| {
            batch.for_each(|event| cx.out.emit(event));
        })
    };
    let end = || {
        from_fn(|batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
            batch.for_each(|event| event.split().0.finish());
        })
    };
    let queue = bounded(8).admit(Overload::p99(ms(50)));
    let pass = net.add(stage(ODD, pass).on(cpu));
    let end = net.add(stage("end", end).on(cpu).queue(queue));
    net.wire(pass.out, end.inlet);
    let entry = net.entry(pass.inlet);
    let mut sim = Sim::new(net, 1).expect("no faults");
    (0..10).for_each(|n| entry.send(n).expect("there is room"));
    assert!(sim.settle(1000), "it comes to rest");
    sim.snapshot()
}

fn value(samples: &[Sample], name: &str, labels: &[(&str, &str)]) -> Option<f64> {
    let is = |sample: &&Sample| {
        let has =
            |(name, value): &(&str, &str)| sample.labels.get(*name).is_some_and(|v| v == value);
        sample.name == name && labels.iter().all(has)
    };
    samples.iter().find(is).map(|sample| sample.value)
}

#[test]
fn both_formats_say_the_same_and_what_the_net_says() {
    let net = snapshot();
    let mut both = [Form::OpenMetrics, Form::Prometheus].map(|form| {
        let mut page = Page::default();
        put_net(&mut page, &net);
        let text = page.text(form);
        parse(&text, form == Form::OpenMetrics).unwrap_or_else(|what| panic!("{what}\n{text}"))
    });
    let [open, plain] = &both;
    assert_eq!(value(open, "sluicegate_stage_served_total", &[("stage", ODD)]), Some(10.0));
    assert_eq!(value(open, "sluicegate_flows_finished_total", &[]), Some(10.0));
    assert_eq!(value(open, "sluicegate_flows_in_flight", &[]), Some(0.0));
    let target = [("stage", "end"), ("queue", "1"), ("law", "overload")];
    assert_eq!(value(open, "sluicegate_law_target_seconds", &target), Some(0.05));
    assert_eq!(value(open, "sluicegate_wire_window", &[]), None, "it has none");
    let wire = [("from", ODD), ("to", "end")];
    assert_eq!(value(open, "sluicegate_wire_sent_total", &wire), Some(10.0));
    assert_eq!(value(plain, "sluicegate_wire_sent_total", &wire), Some(10.0));
    // Only the heads differ.
    both.iter_mut().flatten().for_each(|sample| {
        (sample.family, sample.kind) = Default::default();
    });
    assert_eq!(both[0], both[1]);
}

#[test]
fn a_gate_of_a_service_is_shown_as_a_stage() {
    let mut queue = AdmissionQueue::new(bounded(2).admit(Overload::p99(ms(50))), 1);
    for n in 0..4 {
        let _ = queue.offer(Time(0), Ask::default(), n);
    }
    let _place = queue.take(Time(0)).expect("a place");
    let mut page = Page::default();
    put_build(&mut page);
    put_gate(&mut page, "search", &queue.view(Time(0) + ms(5)));
    put_gate(&mut page, "checkout", &queue.view(Time(0) + ms(5)));
    let samples = parse(&page.text(Form::OpenMetrics), true).expect("metrics");
    let shed = [("stage", "search"), ("why", "shed")];
    assert_eq!(value(&samples, "sluicegate_stage_refused_total", &shed), Some(2.0));
    assert_eq!(value(&samples, "sluicegate_gate_running", &shed[..1]), Some(1.0));
    let offered = [("stage", "checkout"), ("queue", "0")];
    assert_eq!(value(&samples, "sluicegate_gate_offered_total", &offered), Some(4.0));
}

#[test]
fn an_empty_page_is_a_page() {
    assert_eq!(Page::default().text(Form::OpenMetrics), "# EOF\n");
    assert_eq!(Page::default().text(Form::Prometheus), "");
}

#[test]
fn the_parser_finds_what_is_wrong() {
    let head = "# TYPE a counter\n# HELP a b\n";
    assert!(parse(&format!("{head}a_total 1\n# EOF\n"), true).is_ok());
    for (body, open) in [
        ("a_total 1\n", true),
        ("a 1\n# EOF\n", true),
        ("a_total 1\n", false),
        ("a_total -1\n# EOF\n", true),
        ("a_total 1\na_total 2\n# EOF\n", true),
        ("a_total{b=\"c\nd\"} 1\n# EOF\n", true),
        ("a_total{b=\"c\\t\"} 1\n# EOF\n", true),
        ("a_total{b=\"c\",b=\"d\"} 1\n# EOF\n", true),
        ("a_total 1\n# UNIT a seconds\n# EOF\n", true),
        ("# UNIT a seconds\na_total 1\n# EOF\n", true),
        ("a_total 1\n# TYPE b gauge\n# HELP b c\nb 1\na_total{c=\"d\"} 1\n# EOF\n", true),
        ("a_total 1\n# EOF\nb 1\n", true),
        ("a_total x\n# EOF\n", true),
        ("# EOF\n", true),
    ] {
        assert!(parse(&format!("{head}{body}"), open).is_err(), "{body}");
    }
    let head = "# TYPE a histogram\n# HELP a b\n";
    let rest = "a_sum 1\na_count 2\n# EOF\n";
    let buckets = |one: u8, all: u8| {
        format!("{head}a_bucket{{le=\"1\"}} {one}\na_bucket{{le=\"+Inf\"}} {all}\n{rest}")
    };
    assert!(parse(&buckets(1, 2), true).is_ok());
    assert!(parse(&buckets(3, 2), true).is_err(), "they shrink");
    assert!(parse(&buckets(1, 3), true).is_err(), "more than are counted");
    assert!(parse(&format!("{head}a_bucket{{le=\"1\"}} 2\n{rest}"), true).is_err(), "not for all");
}

#[test]
fn the_manual_has_the_catalogue_as_it_is_declared() {
    let place = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/metrics.md");
    let manual = std::fs::read_to_string(place).expect("it is there");
    let (begin, end) = ("<!-- catalogue -->\n", "\n<!-- end of the catalogue -->");
    let (before, rest) = manual.split_once(begin).expect("where it begins");
    let (now, after) = rest.split_once(end).expect("where it ends");
    if std::env::var_os("SLUICEGATE_WRITE_DOCS").is_some() {
        let text = [before, begin, &docs(), end, after].concat();
        std::fs::write(place, text).expect("it can be written");
    } else {
        let how = "run this test with SLUICEGATE_WRITE_DOCS=1 to write it anew";
        assert_eq!(now, docs(), "docs/metrics.md is not up to date; {how}");
    }
    assert!(all().all(|metric| docs().contains(&format!("| `{}` |", metric.name))));
}
