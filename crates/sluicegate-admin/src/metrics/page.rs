//! A page of metrics: samples are put onto it in any order, and stand by metric in the end.

use super::catalogue::{ALL, Kind, Metric};
use std::fmt::Write;
use std::time::Duration;

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
    /// The samples of each metric.
    samples: Vec<String>,
}

/// What a sample says.
#[derive(Clone, Copy, Debug)]
pub enum Number {
    /// A whole number.
    Whole(u64),
    /// Any other.
    Real(f64),
}

impl From<u64> for Number {
    fn from(n: u64) -> Self {
        Self::Whole(n)
    }
}

impl From<usize> for Number {
    fn from(n: usize) -> Self {
        Self::Whole(n as u64)
    }
}

impl From<bool> for Number {
    fn from(is: bool) -> Self {
        Self::Whole(is.into())
    }
}

impl From<f64> for Number {
    fn from(x: f64) -> Self {
        Self::Real(x)
    }
}

impl From<Duration> for Number {
    fn from(span: Duration) -> Self {
        Self::Real(span.as_secs_f64())
    }
}

impl Default for Page {
    fn default() -> Self {
        Self { samples: vec![String::new(); ALL.len()] }
    }
}

impl Page {
    /// Puts a sample onto the page, with the values of the metric's labels in their order.
    pub fn put(&mut self, metric: Metric, labels: &[&str], value: impl Into<Number>) {
        self.sample(metric, metric.declared().suffix(), (labels, None), value.into());
    }

    /// The same where there is a value at all.
    pub fn put_some(&mut self, metric: Metric, labels: &[&str], value: Option<impl Into<Number>>) {
        if let Some(value) = value {
            self.put(metric, labels, value);
        }
    }

    fn sample(
        &mut self,
        metric: Metric,
        suffix: &str,
        (labels, le): (&[&str], Option<&str>),
        value: Number,
    ) {
        let declared = metric.declared();
        debug_assert_eq!(declared.labels.len(), labels.len(), "{declared:?}");
        let text = &mut self.samples[metric as usize];
        text.push_str(declared.name);
        text.push_str(suffix);
        let names = declared.labels.iter().copied().chain(le.map(|_| "le"));
        for (nth, (name, value)) in names.zip(labels.iter().copied().chain(le)).enumerate() {
            text.push(if nth == 0 { '{' } else { ',' });
            text.push_str(name);
            text.push_str("=\"");
            push_escaped(text, value);
            text.push('"');
        }
        if !labels.is_empty() || le.is_some() {
            text.push('}');
        }
        text.push(' ');
        push_number(text, value);
        text.push('\n');
    }

    /// The whole page.
    pub fn text(self, form: Form) -> String {
        let len = self.samples.iter().map(String::len).sum::<usize>() + 200 * ALL.len();
        let mut text = String::with_capacity(len);
        for (declared, samples) in ALL.iter().zip(&self.samples) {
            if samples.is_empty() {
                continue;
            }
            let (name, kind) = match (form, declared.kind) {
                (Form::OpenMetrics, kind) => (declared.name.to_owned(), kind.name()),
                // Its heads name what the samples are named.
                (Form::Prometheus, Kind::Info) => (declared.name.to_owned() + "_info", "gauge"),
                (Form::Prometheus, kind) => {
                    (declared.name.to_owned() + declared.suffix(), kind.name())
                }
            };
            // Writing to a string cannot fail.
            let _ = writeln!(text, "# TYPE {name} {kind}");
            if let (Form::OpenMetrics, Some(unit)) = (form, declared.unit()) {
                let _ = writeln!(text, "# UNIT {name} {unit}");
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

fn push_number(text: &mut String, number: Number) {
    // Writing to a string cannot fail.
    let _ = match number {
        Number::Whole(n) => write!(text, "{n}"),
        Number::Real(x) if x.is_nan() => write!(text, "NaN"),
        Number::Real(x) if x.is_infinite() => {
            write!(text, "{}Inf", if x > 0.0 { '+' } else { '-' })
        }
        Number::Real(x) => write!(text, "{x}"),
    };
}

/// The value of a label, as both formats want it.
fn push_escaped(text: &mut String, value: &str) {
    if !value.contains(['\\', '"', '\n']) {
        return text.push_str(value);
    }
    for char in value.chars() {
        match char {
            '\\' => text.push_str("\\\\"),
            '"' => text.push_str("\\\""),
            '\n' => text.push_str("\\n"),
            char => text.push(char),
        }
    }
}
