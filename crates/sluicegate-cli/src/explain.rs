//! `sluicegate explain`: what was wrong with a net that was recorded.

use crate::say;
use serde_json::{Deserializer, Value};
use sluicegate_admin::model::Net;
use sluicegate_admin::{Diagnosis, Kind, diagnose};
use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::process::ExitCode;

/// The longest recording: an hour of a net of fifty stages.
const BYTES_MAX: u64 = 256 << 20;
/// Spans of time that are told.
const SPANS_MAX: usize = 50;

/// Reads a recording and prints what was wrong.
///
/// # Errors
/// One sentence about what it is not.
pub fn explain(file: &Path) -> Result<ExitCode, String> {
    let name = if file.as_os_str() == "-" { "stdin".into() } else { file.display().to_string() };
    let text = read(file).map_err(|what| format!("{name}: {what}"))?;
    let nets = nets(&text).map_err(|what| format!("{name}: {what}"))?;
    say(told(&nets).trim_end());
    Ok(ExitCode::SUCCESS)
}

fn read(file: &Path) -> Result<String, String> {
    let failed = |error: std::io::Error| format!("cannot be read: {error}");
    let input: Box<dyn Read> = match file.to_str() {
        Some("-") => Box::new(std::io::stdin().lock()),
        _ => Box::new(File::open(file).map_err(failed)?),
    };
    let mut bytes = Vec::new();
    input.take(BYTES_MAX + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > BYTES_MAX {
        return Err("it has more than 256 MiB; explain some of its lines".to_owned());
    }
    String::from_utf8(bytes).map_err(|_| "it is no text".to_owned())
}

/// The nets of a recording, one after the other.
fn nets(text: &str) -> Result<Vec<Net>, String> {
    let mut nets = Vec::new();
    for (n, json) in Deserializer::from_str(text).into_iter::<Value>().enumerate() {
        let json = json.map_err(|error| format!("it is no recording: {error}"))?;
        let net = Net::from_value(json).map_err(|error| format!("look {}: {error}", n + 1))?;
        nets.push(net);
    }
    match nets.is_empty() {
        true => Err("it is empty; `sluicegate record` makes recordings".to_owned()),
        false => Ok(nets),
    }
}

/// A trouble that lasted, from the first look to the last.
struct Span {
    from: u64,
    to: u64,
    /// What each look found.
    found: Vec<Diagnosis>,
}

fn told(nets: &[Net]) -> String {
    let [net] = nets else { return told_of(&spans(nets)) };
    let cause = diagnose(&Net::default(), net);
    format!("One look, so that all is told of the time since the start.\n\n{}", whole(&cause))
}

fn spans(nets: &[Net]) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    for pair in nets.windows(2) {
        let [before, now] = pair else { continue };
        let [from, to] = [before, now].map(Net::clock_ms);
        let cause = diagnose(before, now);
        match spans.last_mut() {
            Some(last) if cause.goes_on(&last.found[0]) => {
                last.to = to;
                last.found.push(cause);
            }
            _ => spans.push(Span { from, to, found: vec![cause] }),
        }
    }
    spans
}

/// What most of them found, the newest of it. Under uneven load kinds differ from look to look.
fn mostly<'a>(found: impl DoubleEndedIterator<Item = &'a Diagnosis> + Clone) -> &'a Diagnosis {
    let mut often: HashMap<Kind, usize> = HashMap::new();
    found.clone().for_each(|one| *often.entry(one.kind).or_default() += 1);
    found.max_by_key(|one| often[&one.kind]).expect("a look found something")
}

/// The spans as lines, and the trouble that lasted longest as a whole.
fn told_of(spans: &[Span]) -> String {
    let mut text = String::new();
    for span in spans.iter().take(SPANS_MAX) {
        let [from, to] = [span.from, span.to].map(|ms| ms as f64 / 1000.0);
        let words = &mostly(span.found.iter()).words;
        text.push_str(&format!("{from:9.1} s to {to:9.1} s  {words}\n"));
    }
    if spans.len() > SPANS_MAX {
        text.push_str(&format!("and {} more\n", spans.len() - SPANS_MAX));
    }
    let mut lasted: Vec<(u64, Vec<&Diagnosis>)> = Vec::new();
    for span in spans.iter().filter(|span| span.found[0].kind != Kind::Healthy) {
        let time = span.to.saturating_sub(span.from);
        match lasted.iter_mut().find(|(_, found)| span.found[0].goes_on(found[0])) {
            Some(one) => {
                one.0 += time;
                one.1.extend(&span.found);
            }
            None => lasted.push((time, span.found.iter().collect())),
        }
    }
    match lasted.into_iter().max_by_key(|(time, _)| *time) {
        Some((time, found)) => {
            let seconds = time as f64 / 1000.0;
            let cause = whole(mostly(found.iter().copied()));
            text.push_str(&format!("\nFor {seconds:.1} s in all: {cause}"));
        }
        None => text.push_str("\nNothing was wrong.\n"),
    }
    text
}

/// A cause with all that is known of it.
fn whole(cause: &Diagnosis) -> String {
    let mut text = format!("{}\n", cause.words);
    for (title, lines) in [("Evidence", &cause.evidence), ("Who suffers", &cause.suffers)] {
        if !lines.is_empty() {
            text.push_str(&format!("{title}:\n"));
        }
        lines.iter().for_each(|line| text.push_str(&format!("  {line}\n")));
    }
    if !cause.advice.is_empty() {
        text.push_str(&format!("What helps: {}\n", cause.advice));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn look(at: u64, served: u64, busy: u64, queued: u64) -> String {
        format!(
            r#"{{"time_ms": {at}, "stages": [{{"name": "work", "domain": "d", "kind": "pinned",
            "replicas": 1, "capacity": 10, "queued": {queued}, "served": {served},
            "busy_us": {busy}}}]}}"#
        )
    }

    #[test]
    fn a_recording_is_told_by_spans_of_time() {
        let looks = [
            look(0, 0, 0, 0),
            look(1000, 10, 100_000, 0),
            look(2000, 20, 1_100_000, 10),
            look(3000, 30, 2_100_000, 10),
            look(4000, 40, 2_200_000, 0),
        ];
        let nets = nets(&looks.join("\n")).expect("a recording");
        let spans = spans(&nets);
        let kind = |span: &Span| mostly(span.found.iter()).kind;
        let told: Vec<_> = spans.iter().map(|span| (span.from, span.to, kind(span))).collect();
        let healthy = Kind::Healthy;
        assert_eq!(told, [(0, 1000, healthy), (1000, 3000, Kind::Cpu), (3000, 4000, healthy)]);
        let text = told_of(&spans);
        assert!(text.contains("\nFor 2.0 s in all: Stage `work` is the bottleneck"), "{text}");
        assert!(text.contains("What helps: "), "{text}");
    }

    #[test]
    fn kinds_at_the_same_stage_are_one_trouble() {
        let queued = |second: u64| if second == 9 { 0 } else { 9 };
        // Busy, but for every third second.
        let busy = |second: u64| (second - second / 3) * 1_000_000;
        let look = |second| look(second * 1000, second * 10, busy(second), queued(second));
        let looks: Vec<String> = (0..10).map(look).collect();
        let spans = spans(&nets(&looks.join("\n")).expect("a recording"));
        let kinds = spans[0].found.iter().map(|found| found.kind).collect::<HashSet<_>>();
        assert!(kinds.len() > 1 && spans.len() == 2, "{kinds:?}");
        assert_eq!((spans[0].from, spans[0].to), (0, 8000));
        assert_eq!(mostly(spans[0].found.iter()).kind, Kind::Cpu);
    }

    #[test]
    fn what_is_no_recording_is_told() {
        let wrong = |text: &str| nets(text).expect_err("it is none");
        assert!(wrong("").starts_with("it is empty"));
        assert!(wrong("garbage").starts_with("it is no recording: expected value at line 1"));
        assert!(wrong(r#"{"stages": []} {"stages": 3}"#).starts_with("look 2: stages: "));
        assert!(wrong("[1]").contains("no field `stages`"));
    }
}
