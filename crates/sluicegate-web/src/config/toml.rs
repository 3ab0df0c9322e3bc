//! TOML into settings: every key has to be known, every value of the kind its key asks for.
use super::complaint::{Complaint, Complaints, Place};
use super::key::{Group, Key};
use super::keys::FILE;
use super::settings::{Node, Settings};
use super::value::Value;
use std::path::PathBuf;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

impl Settings {
    /// Reads the text of a file; `name` is what its complaints call it.
    ///
    /// # Errors
    /// All in it that cannot be used, in the order of the file; of text that is no TOML the first.
    pub fn from_toml(name: &str, text: &str) -> Result<Settings, Complaints> {
        let mut source = Source { name, text, faults: Complaints::default() };
        let table = DeTable::parse(text).map_err(|error| {
            let offset = error.span().map_or(0, |span| span.start);
            let what = format!("this is not TOML: {}", error.message().replace('\n', ", "));
            Complaint::new(source.at(offset), what)
        })?;
        let mut top = Node::new(FILE.keys, Place::Whole(name.to_owned()));
        source.table(&FILE, "", table.get_ref(), &mut top);
        source.faults.unless_any(Settings { top, base: PathBuf::new() })
    }
}

/// A text, what it is called, and what is wrong with it.
struct Source<'a> {
    name: &'a str,
    text: &'a str,
    faults: Complaints,
}

type Word<'i> = Spanned<std::borrow::Cow<'i, str>>;

impl Source<'_> {
    fn at(&self, offset: usize) -> Place {
        Place::at(self.name, self.text, offset)
    }

    fn fault(&mut self, complaint: Complaint) {
        self.faults.0.push(complaint);
    }

    /// One table: keys, tables of keys, and lists of tables. `prefix` is the table within the
    /// group, with its dot.
    fn table(&mut self, group: &'static Group, prefix: &str, from: &DeTable<'_>, node: &mut Node) {
        for (name, value) in ordered(from) {
            let word = name.get_ref().as_ref();
            let full = format!("{prefix}{word}");
            let inner = group.groups.iter().find(|inner| inner.name == full);
            let key = group.keys.iter().find(|key| key.name == full);
            let place = self.at(name.span().start);
            match (key, inner, value.get_ref()) {
                (Some(key), ..) => self.one(key, value, node),
                (_, Some(inner), _) => self.group(inner, place, value, node),
                (.., DeValue::Table(table)) if is_section(group, &full) => {
                    self.table(group, &format!("{full}."), table, node);
                }
                _ if is_section(group, &full) => {
                    let what = format!("`{full}` is {}; accepted: a table [{full}]", shown(value));
                    self.fault(Complaint::new(place, what));
                }
                _ => self.fault(Complaint::unknown(place, word, &known(group, prefix))),
            }
        }
    }

    /// The tables of a list.
    fn group(
        &mut self,
        group: &'static Group,
        place: Place,
        value: &Spanned<DeValue<'_>>,
        node: &mut Node,
    ) {
        let name = group.name;
        let DeValue::Array(items) = value.get_ref() else {
            let what =
                format!("`{name}` is {}; accepted: [[{name}]], one for each {name}", shown(value));
            return self.fault(Complaint::new(place, what));
        };
        for item in items.iter() {
            let place = self.at(item.span().start);
            let DeValue::Table(table) = item.get_ref() else {
                let what =
                    format!("a {name} is {}; accepted: [[{name}]] and its keys", shown(item));
                self.fault(Complaint::new(place, what));
                continue;
            };
            let mut below = Node::new(group.keys, place);
            self.table(group, "", table, &mut below);
            node.below.push((name, below));
        }
    }

    fn one(&mut self, key: &'static Key, value: &Spanned<DeValue<'_>>, node: &mut Node) {
        let place = self.at(value.span().start);
        let read = match value.get_ref() {
            DeValue::Table(table) => self.pairs(key, table),
            other => typed(key, other),
        };
        match read {
            Some(value) => {
                node.given.insert(key.name, (value, place));
            }
            None if matches!(value.get_ref(), DeValue::Table(_)) && key.kind.is_pairs() => {}
            None => self.fault(Complaint::value(place, key, &shown(value))),
        }
    }

    /// A table whose keys are up to the user; each that cannot be used is told by itself.
    fn pairs(&mut self, key: &'static Key, table: &DeTable<'_>) -> Option<Value> {
        let mut pairs = Vec::new();
        let mut sound = key.kind.is_pairs();
        for (name, value) in ordered(table).into_iter().filter(|_| key.kind.is_pairs()) {
            let text = value.get_ref().as_str().unwrap_or("\0");
            if key.kind.takes_pair(name.get_ref(), text) {
                pairs.push((name.get_ref().to_string(), text.to_owned()));
            } else {
                let found = format!("{} = {}", name.get_ref(), shown(value));
                let place = self.at(name.span().start);
                self.fault(Complaint::value(place, key, &found));
                sound = false;
            }
        }
        sound.then_some(Value::Pairs(pairs))
    }
}

/// The entries of a table in the order of the file, so that the first error is told first.
fn ordered<'t, 'i>(table: &'t DeTable<'i>) -> Vec<(&'t Word<'i>, &'t Spanned<DeValue<'i>>)> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(name, _)| name.span().start);
    entries
}

/// Whether some keys live in a table of this name.
fn is_section(group: &Group, name: &str) -> bool {
    let inside = |key: &Key| key.name.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'));
    group.keys.iter().any(inside)
}

/// All that may stand at this place, sorted.
fn known(group: &'static Group, prefix: &str) -> Vec<&'static str> {
    let here = group.keys.iter().filter_map(|key| key.name.strip_prefix(prefix));
    let mut names: Vec<_> = here.filter_map(|rest| rest.split('.').next()).collect();
    if prefix.is_empty() {
        names.extend(group.groups.iter().map(|inner| inner.name));
    }
    names.sort_unstable();
    names.dedup();
    names
}

fn typed(key: &Key, value: &DeValue<'_>) -> Option<Value> {
    match value {
        DeValue::String(text) if key.kind.is_switch(text) => None,
        DeValue::String(text) => key.kind.read(text),
        DeValue::Boolean(flag) if key.kind.is_switch(&flag.to_string()) => {
            key.kind.read(&flag.to_string())
        }
        DeValue::Integer(number) => {
            let digits = number.as_str();
            key.kind.read_number(u64::from_str_radix(digits, number.radix()).ok()?)
        }
        DeValue::Array(items) => {
            let texts = items.iter().map(|item| item.get_ref().as_str().map(str::to_owned));
            key.kind.read_each(&texts.collect::<Option<Vec<_>>>()?)
        }
        _ => None,
    }
}

/// A value in the words of a complaint.
fn shown(value: &Spanned<DeValue<'_>>) -> String {
    match value.get_ref() {
        DeValue::String(text) => format!("\"{text}\""),
        DeValue::Integer(number) => number.as_str().to_owned(),
        DeValue::Float(number) => number.as_str().to_owned(),
        DeValue::Boolean(flag) => flag.to_string(),
        DeValue::Datetime(date) => date.to_string(),
        DeValue::Array(items) if items.is_empty() => "an empty list".to_owned(),
        DeValue::Array(items) => {
            format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(", "))
        }
        DeValue::Table(_) => "a table".to_owned(),
    }
}
