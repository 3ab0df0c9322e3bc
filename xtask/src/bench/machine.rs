//! What machine and which versions a result was measured with.

use std::fs;
use std::process::Command;

use crate::shell;

/// A list in markdown.
pub fn describe() -> String {
    let cpu = field("/proc/cpuinfo", "model name", ':');
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let system = field("/etc/os-release", "PRETTY_NAME", '=');
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let files = field("/proc/self/limits", "Max open files", 's');
    let files = files.split_whitespace().next().unwrap_or("unknown").to_owned();
    let facts = [
        ("processor", format!("{cpu}, {cores} for us")),
        ("system", format!("{}, Linux {}", system.trim_matches('"'), kernel.trim())),
        ("open files", files),
        ("rustc", said("rustc", &["--version"])),
        ("nginx", said("nginx", &["-v"])),
        ("wrk", said("wrk", &["-v"])),
        ("commit", commit()),
        ("load before", fs::read_to_string("/proc/loadavg").unwrap_or_default()),
    ];
    facts.iter().map(|(name, fact)| format!("* {name}: {}\n", fact.trim())).collect()
}

/// The value after a name in a file of lines.
fn field(file: &str, name: &str, mark: char) -> String {
    let text = fs::read_to_string(file).unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
    line.get(name.len()..).unwrap_or_default().trim_start_matches([mark, ' ', '\t']).to_owned()
}

/// The first line that a program prints about itself, on either stream.
fn said(program: &str, args: &[&str]) -> String {
    let Some(path) = shell::which(program) else { return "not installed".into() };
    let Ok(output) = Command::new(path).args(args).output() else { return "unknown".into() };
    let text = [output.stdout, output.stderr].concat();
    String::from_utf8_lossy(&text).lines().next().unwrap_or_default().to_owned()
}

fn commit() -> String {
    let git =
        |args: &[&str]| shell::read(Command::new("git").args(args).current_dir(shell::root()));
    let head = git(&["rev-parse", "--short=12", "HEAD"]).unwrap_or_else(|_| "unknown".into());
    let changed = git(&["status", "--porcelain", "-uno"]).is_ok_and(|text| !text.is_empty());
    format!("{}{}", head.trim(), if changed { " with changes" } else { "" })
}
