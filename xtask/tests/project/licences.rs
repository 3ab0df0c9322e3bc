//! Every dependency's licence is one that deny.toml allows.

use std::fs;

use crate::metadata::{is_ours, list, metadata, text};
use crate::{none, root};

#[test]
fn licences_are_allowed() {
    let allowed = allowed();
    let metadata = metadata();
    let packages = list(&metadata["packages"]).iter().filter(|package| !is_ours(package));
    let refused: Vec<String> = packages
        .filter(|package| !satisfied(text(&package["license"]), &allowed))
        .map(|package| format!("{}: {}", package["name"], package["license"]))
        .collect();
    none("dependencies whose licence deny.toml does not allow", &refused);
}

/// The list in deny.toml, so that it is kept in one place.
fn allowed() -> Vec<String> {
    let config = fs::read_to_string(root().join("deny.toml")).expect("deny.toml");
    let (_, list) = config.split_once("\nallow = [").expect("an allow list in deny.toml");
    let (list, _) = list.split_once(']').expect("the end of the allow list");
    list.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Whether an SPDX expression (`A OR (B AND C)`, or `A/B` as of old) can be met.
fn satisfied(expression: &str, allowed: &[String]) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut at = 0;
    let met = any(&words, &mut at, allowed);
    met && at == words.len()
}

fn any(words: &[&str], at: &mut usize, allowed: &[String]) -> bool {
    let mut met = all(words, at, allowed);
    while words.get(*at) == Some(&"OR") {
        *at += 1;
        met |= all(words, at, allowed);
    }
    met
}

fn all(words: &[&str], at: &mut usize, allowed: &[String]) -> bool {
    let mut met = one(words, at, allowed);
    while words.get(*at) == Some(&"AND") {
        *at += 1;
        met &= one(words, at, allowed);
    }
    met
}

fn one(words: &[&str], at: &mut usize, allowed: &[String]) -> bool {
    let Some(word) = words.get(*at) else { return false };
    *at += 1;
    if *word != "(" {
        // An exception (`WITH`) is a licence of its own and must be listed as such.
        let excepted = words.get(*at) == Some(&"WITH");
        let whole = match excepted {
            true => words[*at - 1..words.len().min(*at + 2)].join(" "),
            false => (*word).to_owned(),
        };
        *at += if excepted { 2 } else { 0 };
        return allowed.contains(&whole);
    }
    let met = any(words, at, allowed);
    *at += 1;
    met
}

#[test]
fn expressions_are_understood() {
    let allowed = ["MIT", "Unicode-3.0"].map(str::to_owned);
    for good in ["MIT", "MIT OR GPL-3.0", "GPL-3.0/MIT", "(MIT OR Apache-2.0) AND Unicode-3.0"] {
        assert!(satisfied(good, &allowed), "{good} is allowed");
    }
    for bad in ["", "GPL-3.0", "MIT AND GPL-3.0", "MIT WITH Thing", "(MIT OR Zlib) AND ISC"] {
        assert!(!satisfied(bad, &allowed), "{bad} is not allowed");
    }
}
