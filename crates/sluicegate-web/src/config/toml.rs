//! TOML into settings: every key has to be known, every value of the kind its key asks for.
use super::complaint::{Complaint, Place};
use super::keys::{KEYS, Key, ROUTE_KEYS};
use super::settings::{Settings, Table};
use super::value::Value;
use std::path::PathBuf;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

impl Settings {
    /// Reads the text of a file; `name` is what its complaints call it.
    ///
    /// # Errors
    /// The first thing in it that cannot be used, in the order of the file.
    pub fn from_toml(name: &str, text: &str) -> Result<Settings, Complaint> {
        let source = Source { name, text };
        let table = DeTable::parse(text).map_err(|error| {
            let offset = error.span().map_or(0, |span| span.start);
            let what = format!("this is not TOML: {}", error.message().replace('\n', ", "));
            Complaint::new(source.at(offset), what)
        })?;
        let mut settings = Settings { base: PathBuf::new(), ..Settings::default() };
        source.top(table.get_ref(), &mut settings)?;
        Ok(settings)
    }
}

/// A text and what it is called.
struct Source<'a> {
    name: &'a str,
    text: &'a str,
}

impl Source<'_> {
    fn at(&self, offset: usize) -> Place {
        Place::at(self.name, self.text, offset)
    }

    /// The whole file: keys, tables of keys, and routes.
    fn top(&self, table: &DeTable<'_>, settings: &mut Settings) -> Result<(), Complaint> {
        for (name, value) in ordered(table) {
            let word = name.get_ref().as_ref();
            let place = self.at(name.span().start);
            match value.get_ref() {
                DeValue::Array(items) if word == "route" => {
                    for item in items.iter() {
                        settings.routes.push(self.route(item)?);
                    }
                }
                _ if word == "route" => {
                    let what = "`route` is a table; accepted: [[route]], one for each route";
                    return Err(Complaint::new(place, what));
                }
                DeValue::Table(inner) if is_section(word) => {
                    self.keys(KEYS, &format!("{word}."), inner, &mut settings.given)?;
                }
                _ if is_section(word) => {
                    let what = format!("`{word}` is {}; accepted: a table [{word}]", shown(value));
                    return Err(Complaint::new(place, what));
                }
                _ => self.one(KEYS, "", name, value, &mut settings.given)?,
            }
        }
        Ok(())
    }

    fn route(&self, item: &Spanned<DeValue<'_>>) -> Result<(Table, Place), Complaint> {
        let place = self.at(item.span().start);
        let DeValue::Table(inner) = item.get_ref() else {
            let what = format!("a route is {}; accepted: [[route]] and its keys", shown(item));
            return Err(Complaint::new(place, what));
        };
        let mut table = Table::new();
        self.keys(ROUTE_KEYS, "", inner, &mut table)?;
        Ok((table, place))
    }

    fn keys(
        &self,
        keys: &'static [Key],
        prefix: &str,
        from: &DeTable<'_>,
        into: &mut Table,
    ) -> Result<(), Complaint> {
        ordered(from).into_iter().try_for_each(|(n, v)| self.one(keys, prefix, n, v, into))
    }

    fn one(
        &self,
        keys: &'static [Key],
        prefix: &str,
        name: &Spanned<std::borrow::Cow<'_, str>>,
        value: &Spanned<DeValue<'_>>,
        into: &mut Table,
    ) -> Result<(), Complaint> {
        let word = name.get_ref().as_ref();
        let full = format!("{prefix}{word}");
        let Some(key) = keys.iter().find(|key| key.name == full && is_here(key, prefix)) else {
            let known = known(keys, prefix);
            return Err(Complaint::unknown(self.at(name.span().start), word, &known));
        };
        let typed = typed(key, value.get_ref())
            .ok_or_else(|| Complaint::value(self.at(value.span().start), key, &shown(value)))?;
        into.insert(key.name, (typed, self.at(value.span().start)));
        Ok(())
    }
}

/// The entries of a table in the order of the file, so that the first error is told first.
fn ordered<'t, 'i>(
    table: &'t DeTable<'i>,
) -> Vec<(&'t Spanned<std::borrow::Cow<'i, str>>, &'t Spanned<DeValue<'i>>)> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(name, _)| name.span().start);
    entries
}

/// Whether some keys live in a table of this name.
fn is_section(word: &str) -> bool {
    KEYS.iter().any(|key| key.name.split_once('.').is_some_and(|(table, _)| table == word))
}

fn is_here(key: &Key, prefix: &str) -> bool {
    key.name.strip_prefix(prefix).is_some_and(|rest| !rest.contains('.'))
}

/// All that may stand at this place, sorted.
fn known(keys: &'static [Key], prefix: &str) -> Vec<&'static str> {
    let mut names: Vec<_> =
        keys.iter().filter(|k| is_here(k, prefix)).map(|k| &k.name[prefix.len()..]).collect();
    if prefix.is_empty() && std::ptr::eq(keys, KEYS) {
        names.extend(keys.iter().filter_map(|k| k.name.split_once('.').map(|(table, _)| table)));
        names.push("route");
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
