//! A JSON Schema of the configuration, made from the descriptions of its settings.
use super::key::{Group, Key, Kind, Preset};
use super::keys::FILE;
use serde_json::{Map, Value, json};

/// The schema (draft 2020-12), for editors and checks. What needs more than a pattern, such as
/// addresses, is only described in it.
pub fn schema() -> Value {
    let mut schema = Map::new();
    schema.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
    schema.insert("title".to_owned(), json!("sluicegate"));
    schema.extend(table(&FILE));
    schema.into()
}

/// The tables of a group. Dotted keys are tables within.
fn table(group: &'static Group) -> Map<String, Value> {
    let mut top = inside(group.doc, group.keys.iter().map(|key| (key.name, key)).collect());
    if let Some(Value::Object(properties)) = top.get_mut("properties") {
        for inner in group.groups {
            let items = json!({ "type": "array", "items": table(inner) });
            properties.insert(inner.name.to_owned(), items);
        }
    }
    top
}

fn inside(doc: &str, keys: Vec<(&'static str, &'static Key)>) -> Map<String, Value> {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for (name, key) in &keys {
        let Some((section, _)) = name.split_once('.') else {
            properties.insert((*name).to_owned(), one(key));
            required.extend(matches!(key.preset, Preset::Required).then_some(*name));
            continue;
        };
        if !properties.contains_key(section) {
            let below = keys.iter().filter_map(|(name, key)| {
                Some((name.strip_prefix(section)?.strip_prefix('.')?, *key))
            });
            properties.insert(section.to_owned(), inside("", below.collect()).into());
        }
    }
    let mut table = Map::new();
    table.insert("type".to_owned(), json!("object"));
    if !doc.is_empty() {
        table.insert("description".to_owned(), json!(doc));
    }
    table.insert("properties".to_owned(), properties.into());
    table.insert("additionalProperties".to_owned(), json!(false));
    if !required.is_empty() {
        table.insert("required".to_owned(), json!(required));
    }
    table
}

fn one(key: &Key) -> Value {
    let mut schema = shape(&key.kind);
    let accepts = key.kind.accepts();
    schema["description"] = json!(format!("{}; accepted: {accepts}", key.doc));
    match key.preset {
        // A default reads as it would be typed: numbers are typed without quotes.
        Preset::Text(text) => {
            schema["default"] = match key.kind {
                Kind::Switch | Kind::SwitchOrField => json!(text == "true"),
                Kind::Count(..) | Kind::Counts(..) | Kind::Number(_) => {
                    json!(text.parse::<u64>().ok())
                }
                _ => json!(text),
            };
        }
        Preset::Found(how) => schema["$comment"] = json!(format!("default: {how}")),
        Preset::Nothing | Preset::Required => {}
    }
    schema
}

fn shape(kind: &Kind) -> Value {
    let text = || json!({ "type": "string", "minLength": 1 });
    let matching = |pattern: &str| json!({ "type": "string", "pattern": pattern });
    match *kind {
        Kind::Address | Kind::Directory | Kind::Output | Kind::File | Kind::Line | Kind::Token => {
            text()
        }
        Kind::Addresses
        | Kind::Names
        | Kind::Tokens
        | Kind::Origins
        | Kind::Hosts
        | Kind::Networks
        | Kind::Types => {
            json!({ "anyOf": [text(), { "type": "array", "items": text(), "minItems": 1 }] })
        }
        Kind::Choice(words) => json!({ "enum": words }),
        Kind::Choices(words) => {
            let word = json!({ "enum": words });
            json!({ "anyOf": [word, { "type": "array", "items": word, "minItems": 1 }] })
        }
        Kind::Number(numbers) => json!({ "enum": numbers }),
        Kind::Switch => json!({ "type": "boolean" }),
        Kind::SwitchOrField => json!({ "anyOf": [{ "type": "boolean" }, text()] }),
        Kind::Count(min, max) => json!({ "type": "integer", "minimum": min, "maximum": max }),
        Kind::Counts(min, max) => json!({ "anyOf": [
            { "type": "integer", "minimum": min, "maximum": max },
            matching("^[0-9]+ *[.][.] *[0-9]+$"),
        ] }),
        Kind::Bytes(min, max) => json!({ "anyOf": [
            { "type": "integer", "minimum": min, "maximum": max },
            matching("^[0-9]+ *(B|KiB|MiB|GiB)?$"),
        ] }),
        Kind::Span(..) => matching("^[0-9]+ *(ms|s|m|h)$"),
        Kind::Mount | Kind::Page | Kind::From => matching("^/"),
        Kind::Pattern => matching("^[/*]"),
        Kind::Cpus => matching("^[0-9]+(-[0-9]+)?(, *[0-9]+(-[0-9]+)?)*$"),
        Kind::Clients => matching("^(address|none|(header|cookie):.+)$"),
        Kind::Endpoint => matching("^http://"),
        Kind::To => matching("^(/|https?://)"),
        Kind::Fields | Kind::Users => json!({ "type": "object", "additionalProperties": text() }),
    }
}

#[cfg(test)]
#[path = "schema_tests.rs"]
mod tests;
