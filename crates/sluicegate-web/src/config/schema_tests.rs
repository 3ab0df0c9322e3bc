//! The schema against real configurations, by a validator of just the words it uses.
use super::*;
use crate::config::each;
use crate::rules::Clients;
use sluicegate_io::Cpus;
use std::collections::BTreeSet;
use toml::de::{DeTable, DeValue};

/// A TOML value as JSON.
fn json_of(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => json!(text),
        DeValue::Integer(number) => json!(number.as_str().parse::<i64>().expect("plain digits")),
        DeValue::Boolean(flag) => json!(flag),
        DeValue::Array(items) => items.iter().map(|item| json_of(item.get_ref())).collect(),
        DeValue::Table(table) => object(table),
        other => panic!("{other:?} is in no configuration"),
    }
}

fn object(table: &DeTable<'_>) -> Value {
    let each = table.iter().map(|(k, v)| (k.get_ref().to_string(), json_of(v.get_ref())));
    Value::Object(each.collect())
}

/// Whether a value fits a schema; panics at a word that it does not know.
fn fits(schema: &Value, value: &Value) -> bool {
    let words = schema.as_object().expect("a schema is an object");
    words.iter().all(|(word, says)| match word.as_str() {
        "$schema" | "$comment" | "title" | "description" | "default" => true,
        "properties" | "additionalProperties" => members(words, value),
        "type" => match says.as_str().expect("one type") {
            "object" => value.is_object(),
            "array" => value.is_array(),
            "string" => value.is_string(),
            "integer" => value.is_i64(),
            "boolean" => value.is_boolean(),
            other => panic!("unknown type {other}"),
        },
        "required" => strings(says).iter().all(|name| value.get(name).is_some()),
        "items" => value.as_array().is_none_or(|all| all.iter().all(|one| fits(says, one))),
        "minItems" => value.as_array().is_none_or(|all| all.len() as u64 >= number(says)),
        "minLength" => value.as_str().is_none_or(|text| text.len() as u64 >= number(says)),
        "minimum" => value.as_i64().is_none_or(|n| n >= number(says) as i64),
        "maximum" => value.as_i64().is_none_or(|n| n <= number(says) as i64),
        "enum" => says.as_array().expect("a list").contains(value),
        "anyOf" => says.as_array().expect("a list").iter().any(|one| fits(one, value)),
        "pattern" => value.as_str().is_none_or(|text| matches(says.as_str().expect("text"), text)),
        other => panic!("unknown word {other}"),
    })
}

fn members(words: &Map<String, Value>, value: &Value) -> bool {
    let (known, other) = (words.get("properties"), words.get("additionalProperties"));
    let Some(members) = value.as_object() else { return true };
    members.iter().all(|(name, member)| match (known.and_then(|known| known.get(name)), other) {
        (Some(schema), _) => fits(schema, member),
        (None, Some(Value::Bool(allowed))) => *allowed,
        (None, Some(schema)) => fits(schema, member),
        (None, None) => true,
    })
}

fn strings(list: &Value) -> Vec<&str> {
    list.as_array().expect("a list").iter().filter_map(Value::as_str).collect()
}

fn number(value: &Value) -> u64 {
    value.as_u64().expect("a number")
}

/// The patterns of the schema, written out.
fn matches(pattern: &str, text: &str) -> bool {
    let unit = |units: &[&str]| {
        let rest = text.trim_start_matches(|c: char| c.is_ascii_digit());
        rest.len() < text.len() && units.contains(&rest.trim_start_matches(' '))
    };
    match pattern {
        "^/" => text.starts_with('/'),
        "^[/*]" => text.starts_with(['/', '*']),
        "^(/|https?://)" => ["/", "http://", "https://"].iter().any(|p| text.starts_with(p)),
        "^(address|none|(header|cookie):.+)$" => Clients::read(text).is_some(),
        "^[0-9]+(-[0-9]+)?(, *[0-9]+(-[0-9]+)?)*$" => text.parse::<Cpus>().is_ok(),
        "^[0-9]+ *(B|KiB|MiB|GiB)?$" => unit(&["", "B", "KiB", "MiB", "GiB"]),
        "^[0-9]+ *[.][.] *[0-9]+$" => {
            let digits = |text: &str| text.trim().parse::<u64>().is_ok();
            text.split_once("..").is_some_and(|(least, most)| digits(least) && digits(most))
        }
        "^[0-9]+ *(ms|s|m|h)$" => unit(&["ms", "s", "m", "h"]),
        other => panic!("unknown pattern {other}"),
    }
}

fn valid(toml: &str) -> bool {
    fits(&schema(), &object(DeTable::parse(toml).expect("TOML").get_ref()))
}

#[test]
fn the_example_fits_and_mistakes_do_not() {
    let example = include_str!("../../../../examples/site.toml");
    assert!(valid(example));
    assert!(valid(""));
    for bad in [
        "workers = 0",
        "workers = \"two\"",
        "cpus = \"0-\"",
        "cpus = 1",
        "listen = []",
        "drain = 5",
        "lisen = \"127.0.0.1:80\"",
        "[cache]\nbudget = \"256 MB\"",
        "[cache]\nbudgets = 1",
        "cache = 5",
        "[[route]]\npath = \"/x\"",
        "[[route]]\npath = \"/x\"\nhandler = \"ehco\"",
        "[[route]]\npath = \"/x\"\nhandler = \"echo\"\ntarget = \"1s\"\nclients = \"ip\"",
        "[route]\npath = \"/x\"\nhandler = \"echo\"",
        "[[rule]]\ncache_control = \"no-cache\"",
        "[[rule]]\npath = \"/\"\nheaders = { X = 1 }",
        "[[rule]]\npath = \"/\"\n[rule.cors]\norigin = \"*\"",
        "[[redirect]]\nfrom = \"/a\"\nto = \"/b\"\nstatus = 303",
        "[[host]]\nname = \"a\"",
        "[errors]\n404 = \"404.html\"",
        "[errors]\n418 = \"/418.html\"",
        "listing = \"yes\"",
    ] {
        assert!(!valid(bad), "{bad}");
    }
}

#[test]
fn every_setting_is_in_it() {
    let mut listed = BTreeSet::new();
    names(&schema(), "", &mut listed);
    each(&FILE, "", &mut |name, _| assert!(listed.remove(name), "{name} is missing"));
    assert_eq!(listed, BTreeSet::new(), "nothing else is in it");
}

/// The full names of all members that are no tables of members.
fn names(schema: &Value, prefix: &str, into: &mut BTreeSet<String>) {
    for (name, inner) in schema["properties"].as_object().expect("members") {
        let full = format!("{prefix}{name}");
        let below = if inner["items"]["properties"].is_object() { &inner["items"] } else { inner };
        match below["properties"].is_object() {
            true => names(below, &format!("{full}."), into),
            false => drop(into.insert(full)),
        }
    }
}
