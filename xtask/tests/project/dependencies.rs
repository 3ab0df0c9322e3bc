//! Each dependency stands in ARCHITECTURE.md with the reason why it is used.

use std::collections::BTreeSet;
use std::fs;

use crate::metadata::{is_ours, list, metadata, text};
use crate::{none, root};

/// The heading of the section that names them.
const HEADING: &str = "Dependencies";

#[test]
fn each_dependency_is_given_a_reason() {
    let document = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap_or_default();
    let Some(section) = section(&document) else {
        println!("ARCHITECTURE.md has no section {HEADING} yet");
        return;
    };
    let metadata = metadata();
    let ours = list(&metadata["packages"]).iter().filter(|package| is_ours(package));
    let used = ours.flat_map(|package| list(&package["dependencies"]));
    let foreign = used.filter(|dependency| !dependency["source"].is_null());
    let names: BTreeSet<&str> = foreign.map(|dependency| text(&dependency["name"])).collect();
    let silent = names.iter().filter(|name| !section.contains(&format!("`{name}`")));
    let silent: Vec<String> = silent.map(|name| (*name).to_owned()).collect();
    none("dependencies that ARCHITECTURE.md does not give a reason for", &silent);
}

/// The text from the heading to the next one of the same or a higher level.
fn section(document: &str) -> Option<String> {
    let level = |line: &str| line.chars().take_while(|c| *c == '#').count();
    let mut lines = document.lines();
    let opening = lines.find(|line| level(line) > 0 && line.contains(HEADING))?;
    let body = lines.take_while(|line| level(line) == 0 || level(line) > level(opening));
    Some(body.collect::<Vec<_>>().join("\n"))
}
