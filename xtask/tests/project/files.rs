//! Files stay small, say what they are for, and hold nothing unfinished.

use crate::{files, none};

/// No file may be longer, in lines.
const CAP: usize = 800;

/// No line may be longer, in characters.
const COLUMNS: usize = 100;

#[test]
fn files_stay_small() {
    let files = files(".rs");
    let mut lengths: Vec<usize> = files.iter().map(|(_, text)| text.lines().count()).collect();
    lengths.sort_unstable();
    let at = |percent: usize| lengths[(lengths.len() - 1) * percent / 100];
    println!("{} files, lines: p50 {} p90 {} max {}", files.len(), at(50), at(90), at(100));
    let long = files.iter().filter(|(_, text)| text.lines().count() > CAP);
    let long: Vec<String> = long.map(|(path, _)| path.clone()).collect();
    none(&format!("files of more than {CAP} lines"), &long);
}

#[test]
fn files_open_by_saying_what_they_are() {
    let silent = files(".rs").into_iter().filter(|(_, text)| !text.starts_with("//! "));
    let silent: Vec<String> = silent.map(|(path, _)| path).collect();
    none("files that do not open with `//! ` and a sentence", &silent);
}

#[test]
fn lines_fit_the_page() {
    let mut wide = Vec::new();
    for (path, text) in files(".rs") {
        let numbered = text.lines().enumerate();
        let over = numbered.filter(|(_, line)| line.chars().count() > COLUMNS);
        wide.extend(over.map(|(at, _)| format!("{path}:{}", at + 1)));
    }
    none(&format!("lines of more than {COLUMNS} characters"), &wide);
}

#[test]
fn nothing_is_left_unfinished_ignored_or_slept_over() {
    let banned = [
        concat!("todo", "!("),
        concat!("unimplemented", "!("),
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("#[ign", "ore"),
        concat!("thread::", "sleep"),
    ];
    let mut found = Vec::new();
    for (path, text) in files(".rs") {
        // A load client waits for its next intended time.
        let may_sleep = path.starts_with("xtask/src/bench/");
        for (at, line) in text.lines().enumerate() {
            let hits = banned.iter().filter(|word| line.contains(**word));
            let hits = hits.filter(|word| !(may_sleep && word.ends_with("sleep")));
            found.extend(hits.map(|word| format!("{path}:{}: {word}", at + 1)));
        }
    }
    none("left unfinished, ignored or slept over", &found);
}

#[test]
fn every_profile_unwinds() {
    let mut aborting = Vec::new();
    for (path, text) in files("Cargo.toml") {
        let compact: String = text.split_whitespace().collect();
        if compact.contains(r#"panic="abort""#) {
            aborting.push(path);
        }
    }
    none("manifests with a profile that aborts on panic", &aborting);
}
