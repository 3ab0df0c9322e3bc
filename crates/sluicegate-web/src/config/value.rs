//! Values as they are typed: sizes with units, spans of time, addresses, names.
use super::key::Kind;
use crate::files::Name;
use crate::rules::{Clients, Network, Pattern, fields, hosts, redirect};
use sluicegate_files::is_pattern;
use sluicegate_io::{Addr, Cpus};
use std::ops::RangeInclusive;
use std::time::Duration;

/// A value of the shape its key asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A number of things or of bytes.
    Number(u64),
    /// A span of time.
    Span(Duration),
    /// A word, a path, an address.
    Text(String),
    /// Several of them.
    Texts(Vec<String>),
    /// Yes or no.
    Flag(bool),
    /// Names with their values.
    Pairs(Vec<(String, String)>),
}

impl Kind {
    /// Says what would be accepted.
    pub fn accepts(&self) -> String {
        match *self {
            Kind::Address => {
                "an address such as \"127.0.0.1:8080\", \"[::1]:8080\" or \"unix:/run/site.sock\""
                    .to_owned()
            }
            Kind::Addresses => "addresses such as \"127.0.0.1:8080\", \"[::1]:8080\" or \
                                \"unix:/run/site.sock\""
                .to_owned(),
            Kind::Directory => "the path of a directory".to_owned(),
            Kind::Names => "plain file names such as \"index.html\"".to_owned(),
            Kind::Output => "\"stdout\", \"stderr\" or the path of a file".to_owned(),
            Kind::Switch => "true or false".to_owned(),
            Kind::SwitchOrField => {
                "true, false or the name of a field such as \"X-Request-Id\"".to_owned()
            }
            Kind::Mount => "a path such as \"/echo\"".to_owned(),
            Kind::Types => "media types such as \"text/html\", \"text/*\", \"*+xml\"".to_owned(),
            Kind::Choice(words) | Kind::Choices(words) => {
                words.iter().map(|w| format!("\"{w}\"")).collect::<Vec<_>>().join(", ")
            }
            Kind::Count(min, max) => format!("a whole number from {min} to {max}"),
            Kind::Counts(min, max) => {
                format!("a whole number from {min} to {max}, or a range such as \"1..16\"")
            }
            Kind::Bytes(min, max) => format!(
                "bytes from {} to {}, such as 65536 or \"64 KiB\"",
                show_bytes(min),
                show_bytes(max)
            ),
            Kind::Span(min, max) => {
                format!("a time from {min:?} to {max:?}, such as \"500ms\", \"5s\" or \"2m\"")
            }
            Kind::Number(numbers) => {
                numbers.iter().map(u64::to_string).collect::<Vec<_>>().join(", ")
            }
            _ => self.accepts_word().to_owned(),
        }
    }

    /// The kinds whose words do not change.
    fn accepts_word(&self) -> &'static str {
        match self {
            Kind::Endpoint => "the address of a collector, such as \"http://127.0.0.1:4318\"",
            Kind::Page => "the path of a file of the site, such as \"/404.html\"",
            Kind::File => "the path of a file",
            Kind::Pattern => "\"/\", \"/assets\", \"*.js\" or \"/assets/*.js\"",
            Kind::From => "a path such as \"/old\", or \"/old/*\" for all below it",
            Kind::To => {
                "a path or an address, such as \"/new\", \"/new/*\" or \"https://example.org/*\""
            }
            Kind::Line => "one line of text",
            Kind::Clients => "\"address\", \"none\", \"header:NAME\" or \"cookie:NAME\"",
            Kind::Fields => {
                "names of fields with one line each, but not those that the server writes itself \
                 (Content-*, Date, ETag, Connection and their like) and not those with a setting \
                 of their own (Cache-Control, Access-Control-*, WWW-Authenticate)"
            }
            Kind::Token => "a name such as \"X-Plan\"",
            Kind::Networks => {
                "addresses such as \"10.0.0.7\", or networks such as \"10.0.0.0/8\" and \
                 \"2001:db8::/32\", without bits beyond their length"
            }
            Kind::Tokens => "words such as \"GET\" or \"X-Token\"",
            Kind::Origins => "origins such as \"https://example.org\", or \"*\"",
            Kind::Hosts => "names such as \"example.org\" or \"*.example.org\", without a port",
            Kind::Users => {
                "names without a colon, with bcrypt hashes as `sluicegate hash-password` makes them"
            }
            Kind::Cpus => "numbers such as \"0-3,8\", each once, as `lscpu -e` shows them",
            _ => "",
        }
    }

    /// Whether it takes names with values.
    pub fn is_pairs(&self) -> bool {
        matches!(self, Kind::Fields | Kind::Users)
    }

    /// Whether one of them can be used.
    pub fn takes_pair(&self, name: &str, value: &str) -> bool {
        match self {
            Kind::Fields => fields::is_free(name) && fields::is_line(value),
            Kind::Users => crate::rules::is_user(name, value),
            _ => false,
        }
    }

    /// Reads a typed text; nothing where it is not of this kind.
    pub fn read(&self, text: &str) -> Option<Value> {
        let valid = match *self {
            Kind::Address => text.parse::<Addr>().is_ok(),
            // What is wrong with it is said with the rest of the configuration.
            Kind::Endpoint => !text.is_empty(),
            Kind::Switch => return text.parse().ok().map(Value::Flag),
            Kind::SwitchOrField => is_switch(text) || sluicegate_http::is_field_name(text),
            Kind::Directory | Kind::Output => !text.is_empty() && !text.contains('\0'),
            Kind::Mount => text.starts_with('/') && !text.contains(['?', '#', ' ', '\0']),
            Kind::Choice(words) => words.contains(&text),
            Kind::Addresses
            | Kind::Names
            | Kind::Origins
            | Kind::Hosts
            | Kind::Networks
            | Kind::Choices(_)
            | Kind::Types => {
                return self.read_each(std::slice::from_ref(&text.to_owned()));
            }
            Kind::Tokens => {
                let words: Vec<_> = text.split(',').map(|word| word.trim().to_owned()).collect();
                return self.read_each(&words);
            }
            Kind::Number(_) => return self.read_number(text.parse().ok()?),
            Kind::Page => Name::new(text.as_bytes()).is_some_and(|name| !name.is_directory()),
            Kind::File => !text.is_empty() && !text.contains('\0'),
            Kind::Pattern => Pattern::read(text).is_some(),
            Kind::From => redirect::is_from(text),
            Kind::To => redirect::is_to(text),
            Kind::Line => fields::is_line(text),
            Kind::Token => fields::is_token(text),
            Kind::Clients => Clients::read(text).is_some(),
            Kind::Cpus => text.parse::<Cpus>().is_ok(),
            Kind::Fields | Kind::Users => return None,
            Kind::Count(..) => return self.read_number(text.parse().ok()?),
            Kind::Counts(min, max) => {
                let range = counts(text)?;
                let fits = min <= *range.start() && *range.end() <= max && !range.is_empty();
                return fits.then(|| Value::Text(text.to_owned()));
            }
            Kind::Bytes(..) => return self.read_number(bytes(text)?),
            Kind::Span(min, max) => {
                let span = span(text)?;
                return (min <= span && span <= max).then_some(Value::Span(span));
            }
        };
        valid.then(|| Value::Text(text.to_owned()))
    }

    /// Reads a list; nothing where one is not of this kind, or none is given.
    pub fn read_each(&self, texts: &[String]) -> Option<Value> {
        let valid = |text: &String| match self {
            Kind::Addresses => text.parse::<Addr>().is_ok(),
            Kind::Names => {
                !text.is_empty() && !text.starts_with('.') && !text.contains(['/', '\0'])
            }
            Kind::Tokens => fields::is_token(text),
            Kind::Origins => fields::is_origin(text) || (text == "*" && texts.len() == 1),
            Kind::Hosts => hosts::is_name(text),
            Kind::Networks => Network::read(text).is_some(),
            Kind::Choices(words) => words.contains(&text.as_str()),
            Kind::Types => is_pattern(text),
            _ => false,
        };
        (!texts.is_empty() && texts.iter().all(valid)).then(|| Value::Texts(texts.to_vec()))
    }

    /// Whether a text is a switch here, which stands without quotes in a file.
    pub fn is_switch(&self, text: &str) -> bool {
        matches!(self, Kind::Switch | Kind::SwitchOrField) && is_switch(text)
    }

    /// Takes a number that was typed without quotes.
    pub fn read_number(&self, number: u64) -> Option<Value> {
        let fits = match *self {
            Kind::Count(min, max) | Kind::Bytes(min, max) => min <= number && number <= max,
            // Kept as a range is, so that there is one form to read.
            Kind::Counts(..) => return self.read(&number.to_string()),
            Kind::Number(numbers) => numbers.contains(&number),
            _ => false,
        };
        fits.then_some(Value::Number(number))
    }
}

/// A number of bytes as a reader likes it: `64 KiB`, `1.5 GiB`, `17 B`.
pub fn show_bytes(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut unit = 0;
    let mut scale = 1u64;
    while unit + 1 < UNITS.len() && bytes / scale >= 1024 {
        unit += 1;
        scale *= 1024;
    }
    if bytes.is_multiple_of(scale) {
        format!("{} {}", bytes / scale, UNITS[unit])
    } else {
        format!("{:.1} {}", bytes as f64 / scale as f64, UNITS[unit])
    }
}

fn is_switch(text: &str) -> bool {
    matches!(text, "true" | "false")
}

fn bytes(text: &str) -> Option<u64> {
    let (number, unit) = number_and_unit(text)?;
    let scale = match unit {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    number.checked_mul(scale)
}

/// A number, or two as in `1..16`, both of which are in it.
pub fn counts(text: &str) -> Option<RangeInclusive<u64>> {
    let number = |text: &str| text.trim().parse().ok();
    match text.split_once("..") {
        Some((least, most)) => Some(number(least)?..=number(most)?),
        None => number(text).map(|all| all..=all),
    }
}

fn span(text: &str) -> Option<Duration> {
    let (number, unit) = number_and_unit(text)?;
    match unit {
        "ms" => Some(Duration::from_millis(number)),
        "s" => Some(Duration::from_secs(number)),
        "m" => number.checked_mul(60).map(Duration::from_secs),
        "h" => number.checked_mul(3600).map(Duration::from_secs),
        _ => None,
    }
}

fn number_and_unit(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    Some((number.parse().ok()?, unit.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_with_binary_units_only() {
        for (text, expected) in [
            ("0", Some(0)),
            ("17 B", Some(17)),
            ("64KiB", Some(65_536)),
            ("256 MiB", Some(268_435_456)),
            ("1 GiB", Some(1 << 30)),
            ("1 GB", None),
            ("1.5 MiB", None),
            ("-1", None),
            ("", None),
            ("99999999999999999999", None),
            ("99999999999999 GiB", None),
        ] {
            assert_eq!(bytes(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_number_of_threads_is_one_or_a_range() {
        for (text, expected) in [
            ("4", Some("4")),
            ("1..16", Some("1..16")),
            ("2 .. 2", Some("2 .. 2")),
            ("16..1", None),
            ("0..4", None),
            ("1..2000", None),
            ("1..", None),
            ("-1..4", None),
            ("many", None),
        ] {
            let read = Kind::Counts(1, 1024).read(text);
            assert_eq!(read, expected.map(|text| Value::Text(text.to_owned())), "{text:?}");
        }
        assert_eq!(counts("3"), Some(3..=3));
        assert_eq!(counts("1..16"), Some(1..=16));
    }

    #[test]
    fn spans_need_a_unit() {
        for (text, expected) in [
            ("5s", Some(Duration::from_secs(5))),
            ("250 ms", Some(Duration::from_millis(250))),
            ("2m", Some(Duration::from_secs(120))),
            ("5", None),
            ("s", None),
        ] {
            assert_eq!(span(text), expected, "{text:?}");
        }
    }

    #[test]
    fn bytes_are_shown_as_they_are_read() {
        for (number, shown) in [(0, "0 B"), (1023, "1023 B"), (65_536, "64 KiB"), (1536, "1.5 KiB")]
        {
            assert_eq!(show_bytes(number), shown);
        }
    }
}
