//! Unsafe code lives in one crate, and each piece of it says why it is sound.

use crate::metadata::{is_ours, list, metadata, text};
use crate::{files, none};
use std::fs;

/// The one crate that may hold unsafe code.
const MACHINE: &str = "crates/sluicegate-io/";

#[test]
fn other_crates_forbid_unsafe_code() {
    let metadata = metadata();
    let mut open = Vec::new();
    for package in list(&metadata["packages"]).iter().filter(|package| is_ours(package)) {
        for target in list(&package["targets"]) {
            let kinds = list(&target["kind"]);
            let kept = ["lib", "bin", "proc-macro"];
            let path = text(&target["src_path"]);
            if path.contains(MACHINE) || !kinds.iter().any(|kind| kept.contains(&text(kind))) {
                continue;
            }
            let code = fs::read_to_string(path).expect("a crate's root file");
            if !code.contains("#![forbid(unsafe_code)]") {
                open.push(path.to_owned());
            }
        }
    }
    none("crates that do not forbid unsafe code", &open);
}

#[test]
fn unsafe_code_stays_in_the_machine() {
    let elsewhere = files(".rs").into_iter().filter(|(path, _)| !path.starts_with(MACHINE));
    let found: Vec<String> = elsewhere.flat_map(|(path, text)| uses(&path, &text)).collect();
    none("unsafe code outside the machine", &found);
}

#[test]
fn unsafe_code_says_why_it_is_sound() {
    let mut silent = Vec::new();
    for (path, text) in files(".rs") {
        let lines: Vec<&str> = text.lines().collect();
        let at = (0..lines.len()).filter(|at| is_unsafe(lines[*at]));
        let unexplained = at.filter(|at| !explained(&lines, *at));
        silent.extend(unexplained.map(|at| format!("{path}:{}", at + 1)));
    }
    none("unsafe code without a SAFETY comment before it", &silent);
}

fn uses(path: &str, text: &str) -> Vec<String> {
    let numbered = text.lines().enumerate().filter(|(_, line)| is_unsafe(line));
    numbered.map(|(at, _)| format!("{path}:{}", at + 1)).collect()
}

/// A block, an implementation or a function, but not a comment or a text about one.
fn is_unsafe(line: &str) -> bool {
    let code = line.split("//").next().unwrap_or_default();
    let words = [concat!("unsafe", " {"), concat!("unsafe", " impl"), concat!("unsafe", " fn")];
    words.iter().any(|word| code.contains(word))
}

/// A comment, after nothing but comments, attributes and the start of the same statement.
fn explained(lines: &[&str], at: usize) -> bool {
    let said = |line: &str| line.contains("SAFETY:") || line.contains("# Safety");
    if said(lines[at]) {
        return true;
    }
    for line in lines[..at].iter().rev().map(|line| line.trim()) {
        if said(line) {
            return true;
        }
        let ended = line.ends_with(';') || line.ends_with('}') || line.is_empty();
        if ended && !line.starts_with("//") {
            return false;
        }
    }
    false
}
