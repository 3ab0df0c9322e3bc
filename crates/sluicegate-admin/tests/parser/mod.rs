//! A strict parser of metrics, written from the formats' texts and not from the code under test:
//! OpenMetrics 1.0, and Prometheus 0.0.4.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::collections::{BTreeMap, HashSet};

/// A sample, with what was said of its metric.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Its metric, as the heads name it.
    pub family: String,
    /// Its metric's kind.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its value.
    pub value: f64,
}

/// The metric whose lines are read.
#[derive(Default)]
struct Family {
    name: String,
    kind: String,
    unit: Option<String>,
    help: bool,
    samples: usize,
}

/// All samples of a page.
///
/// # Errors
/// What is wrong, and in which line.
pub fn parse(text: &str, open: bool) -> Result<Vec<Sample>, String> {
    let body = match open {
        true => text.strip_suffix("# EOF\n").ok_or("it does not end with # EOF")?,
        false => text,
    };
    if !body.is_empty() && !body.ends_with('\n') {
        return Err("the last line does not end".to_owned());
    }
    let mut reader = Reader { open, ..Reader::default() };
    for (at, line) in body.lines().enumerate() {
        reader.line(line).map_err(|what| format!("line {}: {what}: {line}", at + 1))?;
    }
    reader.end_family()?;
    Ok(reader.samples)
}

#[derive(Default)]
struct Reader {
    open: bool,
    family: Family,
    families: HashSet<String>,
    seen: HashSet<(String, BTreeMap<String, String>)>,
    samples: Vec<Sample>,
}

impl Reader {
    fn line(&mut self, line: &str) -> Result<(), String> {
        let Some(head) = line.strip_prefix('#') else { return self.sample(line) };
        let mut parts = head.strip_prefix(' ').ok_or("no space after #")?.splitn(3, ' ');
        let (what, name) = (parts.next().unwrap_or_default(), parts.next().ok_or("no name")?);
        let rest = parts.next().ok_or("nothing is said")?;
        check_name(name)?;
        if name != self.family.name {
            self.end_family()?;
            if !self.families.insert(name.to_owned()) {
                return Err("its lines do not stand together".to_owned());
            }
            self.family = Family { name: name.to_owned(), ..Family::default() };
        }
        let family = &mut self.family;
        if family.samples > 0 {
            return Err("said after its samples".to_owned());
        }
        let kinds = ["counter", "gauge", "histogram", "info"];
        match what {
            "TYPE" if !family.kind.is_empty() => Err("a second type".to_owned()),
            "TYPE" if !kinds.contains(&rest) => Err("no such type".to_owned()),
            "TYPE" if !self.open && rest == "info" => Err("no such type".to_owned()),
            "TYPE" => {
                family.kind = rest.to_owned();
                Ok(())
            }
            "UNIT" if !self.open => Err("a unit in the old format".to_owned()),
            "UNIT" if !name.ends_with(&format!("_{rest}")) => {
                Err("its name does not end with its unit".to_owned())
            }
            "UNIT" => match family.unit.replace(rest.to_owned()) {
                None => Ok(()),
                Some(_) => Err("a second unit".to_owned()),
            },
            "HELP" if rest.is_empty() || family.help => Err("no help, or a second".to_owned()),
            "HELP" => {
                family.help = true;
                unescape(rest).map(|_| ())
            }
            _ => Err("neither TYPE, UNIT nor HELP".to_owned()),
        }
    }

    fn sample(&mut self, line: &str) -> Result<(), String> {
        let end = line.find(['{', ' ']).ok_or("no value")?;
        let (name, rest) = line.split_at(end);
        check_name(name)?;
        let (labels, rest) = match rest.strip_prefix('{') {
            Some(rest) => labels(rest)?,
            None => (BTreeMap::new(), rest),
        };
        let value = rest.strip_prefix(' ').ok_or("no space before the value")?;
        let value = number(value)?;
        let family = &mut self.family;
        let suffix = name.strip_prefix(&*family.name).ok_or("it is of no metric before it")?;
        let fits = match (&*family.kind, self.open) {
            ("counter", true) => suffix == "_total",
            ("info", _) => suffix == "_info",
            ("histogram", _) => ["_bucket", "_sum", "_count"].contains(&suffix),
            ("", _) => return Err("its type was not said".to_owned()),
            _ => suffix.is_empty(),
        };
        if !fits || (suffix == "_bucket") != labels.contains_key("le") {
            return Err(format!("a {} has no such sample", family.kind));
        }
        if (family.kind == "counter" || suffix == "_bucket") && (value < 0.0 || value.is_nan()) {
            return Err("less than nothing was counted".to_owned());
        }
        if family.kind == "info" && value != 1.0 {
            return Err("an info is 1".to_owned());
        }
        if !self.seen.insert((name.to_owned(), labels.clone())) {
            return Err("said twice".to_owned());
        }
        family.samples += 1;
        let (family, kind) = (family.name.clone(), family.kind.clone());
        self.samples.push(Sample { family, kind, name: name.to_owned(), labels, value });
        Ok(())
    }

    /// Checks what only a whole metric shows.
    fn end_family(&self) -> Result<(), String> {
        let Family { name, kind, help, samples, .. } = &self.family;
        if name.is_empty() {
            return Ok(());
        }
        if *samples == 0 || !help {
            return Err(format!("{name} has no samples, or no help"));
        }
        if kind != "histogram" {
            return Ok(());
        }
        let mut each: BTreeMap<_, Vec<&Sample>> = BTreeMap::new();
        for sample in self.samples.iter().filter(|sample| sample.family == *name) {
            let mut labels = sample.labels.clone();
            labels.remove("le");
            each.entry(labels).or_default().push(sample);
        }
        each.into_iter().try_for_each(|(labels, samples)| {
            histogram(&samples).map_err(|what| format!("{name} {labels:?}: {what}"))
        })
    }
}

/// Whether the buckets grow up to the count.
fn histogram(samples: &[&Sample]) -> Result<(), String> {
    let (mut bound, mut below, mut count) = (f64::NEG_INFINITY, 0.0, None);
    let mut sum = false;
    for sample in samples {
        match sample.labels.get("le") {
            Some(le) => {
                let le = number(le)?;
                if le <= bound || sample.value < below {
                    return Err(format!("its buckets do not grow at {le}"));
                }
                (bound, below) = (le, sample.value);
            }
            None if sample.name.ends_with("_count") => count = Some(sample.value),
            None => sum = true,
        }
    }
    if bound != f64::INFINITY || count != Some(below) || !sum {
        return Err("no bucket for all, or not as many as are counted, or no sum".to_owned());
    }
    Ok(())
}

/// The labels after `{`, and what follows them.
fn labels(mut rest: &str) -> Result<(BTreeMap<String, String>, &str), String> {
    let mut labels = BTreeMap::new();
    loop {
        let (name, value) = rest.split_once("=\"").ok_or("a label without a value")?;
        check_name(name)?;
        let mut escaped = false;
        let end = value.find(|char| {
            let ends = char == '"' && !escaped;
            escaped = char == '\\' && !escaped;
            ends
        });
        let end = end.ok_or("a value without an end")?;
        if labels.insert(name.to_owned(), unescape(&value[..end])?).is_some() {
            return Err("a label twice".to_owned());
        }
        rest = &value[end + 1..];
        match rest.as_bytes().first() {
            Some(b',') => rest = &rest[1..],
            Some(b'}') => return Ok((labels, &rest[1..])),
            _ => return Err("labels without an end".to_owned()),
        }
    }
}

fn unescape(text: &str) -> Result<String, String> {
    let mut plain = String::new();
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        plain.push(match char {
            '\\' => match chars.next() {
                Some('\\') => '\\',
                Some('"') => '"',
                Some('n') => '\n',
                _ => return Err("no such escape".to_owned()),
            },
            char => char,
        });
    }
    Ok(plain)
}

fn number(text: &str) -> Result<f64, String> {
    match text {
        "+Inf" => Ok(f64::INFINITY),
        "-Inf" => Ok(f64::NEG_INFINITY),
        "NaN" => Ok(f64::NAN),
        _ if text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.e".contains(&byte)) => {
            text.parse().map_err(|_| "no number".to_owned())
        }
        _ => Err("no number".to_owned()),
    }
}

fn check_name(name: &str) -> Result<(), String> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    match name.bytes().all(fits) && !name.is_empty() && !name.as_bytes()[0].is_ascii_digit() {
        true => Ok(()),
        false => Err(format!("{name:?} is no name")),
    }
}
