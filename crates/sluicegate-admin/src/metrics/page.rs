//! A page of metrics: samples are put onto it in any order, and stand by metric in the end.

use super::catalogue::{Declared, Id, all};
use sluicegate::{Histogram, MetricKind, Reading};
use std::fmt::Write;

/// The upper bounds of the buckets of times: in nanoseconds, and as they are written in seconds.
const TIMES: [(u64, &str); 19] = [
    (10_000, "0.00001"),
    (25_000, "0.000025"),
    (50_000, "0.00005"),
    (100_000, "0.0001"),
    (250_000, "0.00025"),
    (500_000, "0.0005"),
    (1_000_000, "0.001"),
    (2_500_000, "0.0025"),
    (5_000_000, "0.005"),
    (10_000_000, "0.01"),
    (25_000_000, "0.025"),
    (50_000_000, "0.05"),
    (100_000_000, "0.1"),
    (250_000_000, "0.25"),
    (500_000_000, "0.5"),
    (1_000_000_000, "1"),
    (2_500_000_000, "2.5"),
    (5_000_000_000, "5"),
    (10_000_000_000, "10"),
];
/// The same of sizes.
const SIZES: [(u64, &str); 7] =
    [(1, "1"), (2, "2"), (4, "4"), (8, "8"), (16, "16"), (64, "64"), (256, "256")];

/// How a page is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The OpenMetrics text format 1.0.
    OpenMetrics,
    /// The text format 0.0.4 of Prometheus.
    Prometheus,
}

impl Form {
    /// Its media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// Takes samples.
#[derive(Debug)]
pub struct Page {
    /// Each metric with its samples, by its place.
    metrics: Vec<(Declared, String)>,
    /// The labels of the value that is put: large nets have tens of thousands.
    labels: String,
}

impl Default for Page {
    fn default() -> Self {
        let metrics = all().map(|declared| (declared, String::new())).collect();
        Self { metrics, labels: String::new() }
    }
}

impl Page {
    /// Puts a value onto the page, with the values of the metric's labels in their order.
    pub fn put<'a>(
        &mut self,
        metric: impl Into<Id>,
        labels: &[&str],
        value: impl Into<Reading<'a>>,
    ) {
        let (declared, text) = &mut self.metrics[metric.into().place()];
        debug_assert_eq!(declared.labels.len(), labels.len(), "{declared:?}");
        write_labels(&mut self.labels, declared, labels);
        let labels = &self.labels;
        match value.into() {
            Reading::Histogram(histogram) => put_histogram(text, declared, labels, histogram),
            Reading::Count(n) => put_count(text, [declared.name, ""], labels, n),
            Reading::Number(x) => put_real(text, [declared.name, ""], labels, x),
        }
    }

    /// The same where there is a value at all.
    pub fn put_some<'a>(
        &mut self,
        metric: impl Into<Id>,
        labels: &[&str],
        value: Option<impl Into<Reading<'a>>>,
    ) {
        if let Some(value) = value {
            self.put(metric, labels, value);
        }
    }

    /// The whole page.
    pub fn text(self, form: Form) -> String {
        let heads = 200 * self.metrics.len();
        let samples = self.metrics.iter().map(|(_, samples)| samples.len()).sum::<usize>();
        let mut text = String::with_capacity(samples + heads);
        for (declared, samples) in &self.metrics {
            if samples.is_empty() {
                continue;
            }
            let name = match form {
                Form::OpenMetrics => declared.name.trim_end_matches("_total"),
                Form::Prometheus => declared.name,
            };
            // Writing to a string cannot fail.
            let _ = writeln!(text, "# TYPE {name} {}", word(declared.kind));
            if form == Form::OpenMetrics && !declared.unit.is_empty() {
                let _ = writeln!(text, "# UNIT {name} {}", declared.unit);
            }
            let _ = writeln!(text, "# HELP {name} {}", declared.doc);
            text.push_str(samples);
        }
        if form == Form::OpenMetrics {
            text.push_str("# EOF\n");
        }
        text
    }
}

/// A kind as both formats name it.
pub(super) fn word(kind: MetricKind) -> &'static str {
    match kind {
        MetricKind::Counter => "counter",
        MetricKind::Gauge => "gauge",
        MetricKind::Histogram => "histogram",
    }
}

/// Buckets by their upper bounds: what the kernel counted in one that reaches over a bound counts
/// below the next, so that no bucket says too much.
fn put_histogram(text: &mut String, declared: &Declared, labels: &str, histogram: &Histogram) {
    let is_time = declared.unit == "seconds";
    let bounds: &[_] = if is_time { &TIMES } else { &SIZES };
    let comma = if labels.is_empty() { "" } else { "," };
    let begin = [declared.name, "_bucket{", labels, comma, "le=\""].concat();
    let mut put_bucket = |le: &str, n: u64| {
        text.extend([&begin, le, "\"} ", itoa::Buffer::new().format(n), "\n"]);
    };
    let mut counted = histogram.buckets().peekable();
    let mut below = 0;
    for (bound, le) in bounds {
        while let Some((_, n)) = counted.next_if(|(most, _)| most <= bound) {
            below += n;
        }
        put_bucket(le, below);
    }
    let all = below + counted.map(|(_, n)| n).sum::<u64>();
    put_bucket("+Inf", all);
    let unit = if is_time { 1e9 } else { 1.0 };
    put_real(text, [declared.name, "_sum"], labels, histogram.sum() as f64 / unit);
    put_count(text, [declared.name, "_count"], labels, all);
}

fn put_count(text: &mut String, name: [&str; 2], labels: &str, n: u64) {
    put_name(text, name, labels);
    text.extend([itoa::Buffer::new().format(n), "\n"]);
}

fn put_real(text: &mut String, name: [&str; 2], labels: &str, x: f64) {
    put_name(text, name, labels);
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{}", Real(x));
}

/// The name of a sample and its labels, up to the value.
fn put_name(text: &mut String, [name, end]: [&str; 2], labels: &str) {
    let [open, close] = if labels.is_empty() { ["", " "] } else { ["{", "} "] };
    text.extend([name, end, open, labels, close]);
}

/// A number as both formats write it.
struct Real(f64);

impl std::fmt::Display for Real {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            x if x == f64::INFINITY => f.write_str("+Inf"),
            x if x == f64::NEG_INFINITY => f.write_str("-Inf"),
            x => x.fmt(f),
        }
    }
}

/// Makes a text what stands between the braces.
fn write_labels(text: &mut String, declared: &Declared, values: &[&str]) {
    text.clear();
    for (name, value) in declared.labels.iter().zip(values) {
        let comma = if text.is_empty() { "" } else { "," };
        text.extend([comma, name, "=\""]);
        push_escaped(text, value);
        text.push('"');
    }
}

/// The value of a label, as both formats want it.
fn push_escaped(text: &mut String, value: &str) {
    // As good as all of them.
    if !value.bytes().any(|byte| matches!(byte, b'\\' | b'"' | b'\n')) {
        return text.push_str(value);
    }
    for part in value.split_inclusive(['\\', '"', '\n']) {
        let (plain, special) = match part.as_bytes().last() {
            Some(b'\\') => (&part[..part.len() - 1], "\\\\"),
            Some(b'"') => (&part[..part.len() - 1], "\\\""),
            Some(b'\n') => (&part[..part.len() - 1], "\\n"),
            _ => (part, ""),
        };
        text.push_str(plain);
        text.push_str(special);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::ServiceMetric;
    use sluicegate::Metric;

    #[test]
    fn a_bucket_holds_what_is_surely_below_its_bound() {
        let mut times = Histogram::default();
        for (nanos, n) in [(9_000, 3), (24_999, 2), (2_000_000_000, 1), (u64::MAX, 1)] {
            times.record(nanos, n);
        }
        let mut page = Page::default();
        page.put(Metric::StageWait, &["a"], &times);
        let text = page.text(Form::OpenMetrics);
        let bucket = |le: &str| {
            let begin = format!("sluicegate_stage_wait_seconds_bucket{{stage=\"a\",le=\"{le}\"}} ");
            let line = text.lines().find_map(|line| line.strip_prefix(&*begin));
            line.and_then(|n| n.parse().ok())
        };
        assert_eq!(bucket("0.00001"), Some(3));
        // The kernel's own bucket reaches over that bound.
        assert_eq!((bucket("0.000025"), bucket("0.00005")), (Some(3), Some(5)));
        assert_eq!((bucket("2.5"), bucket("10"), bucket("+Inf")), (Some(6), Some(6), Some(7)));
        assert!(text.contains("sluicegate_stage_wait_seconds_count{stage=\"a\"} 7\n"), "{text}");
    }

    #[test]
    fn numbers_and_labels_are_written_as_the_formats_want() {
        let mut page = Page::default();
        for x in [f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 1e-9, 1e21, -0.5] {
            page.put(ServiceMetric::Uptime, &[], x);
        }
        page.put(ServiceMetric::Build, &["a\\b\"c\nd\\"], true);
        let text = page.text(Form::Prometheus);
        let said: Vec<_> =
            text.lines().filter_map(|line| line.strip_prefix("sluicegate_")).collect();
        assert_eq!(
            said,
            [
                r#"build_info{version="a\\b\"c\nd\\"} 1"#,
                "uptime_seconds +Inf",
                "uptime_seconds -Inf",
                "uptime_seconds NaN",
                "uptime_seconds 0.000000001",
                "uptime_seconds 1000000000000000000000",
                "uptime_seconds -0.5",
            ]
        );
    }
}
