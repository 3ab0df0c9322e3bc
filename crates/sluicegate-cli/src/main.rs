//! The `sluicegate` command: serves a directory or packs it, checks a configuration, draws a net,
//! experiments.
#![forbid(unsafe_code)]

mod args;
mod ask;
mod explain;
mod figures;
mod formers;
mod graph;
mod lab;
mod log;
mod password;
mod record;
mod serve;
mod signals;
mod top;
mod trace;
mod volume;

use args::{Command, Lab};
use sluicegate_web::{Config, Machine, Settings};
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

/// Nothing was started: what was typed cannot be used, or the machine refuses.
const NOT_STARTED: u8 = 2;

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(sentence) => {
            for line in sentence.lines() {
                // Nothing more can be done where stderr is closed.
                let _ = writeln!(std::io::stderr(), "sluicegate: {line}");
            }
            ExitCode::from(NOT_STARTED)
        }
    }
}

fn run() -> Result<ExitCode, String> {
    match args::read()?.command {
        None => serve::serve(args::Serve::default()),
        Some(Command::Serve(args)) => serve::serve(args),
        Some(Command::Check { file }) => check(&file),
        Some(Command::Graph { format, live: true, admin, .. }) => graph::live(&admin, format),
        Some(Command::Graph { file, format, .. }) => graph::draw(file.as_deref(), format),
        Some(Command::Top { admin, once, every }) => top::watch(&admin, once, every),
        Some(Command::Trace(args)) => trace::trace(&args),
        Some(Command::Record { file, admin, seconds }) => record::record(&file, &admin, seconds),
        Some(Command::Explain { file }) => explain::explain(&file),
        Some(Command::Pack(args)) => volume::pack(&args),
        Some(Command::Verify { volume }) => volume::verify(&volume),
        Some(Command::Schema) => {
            say(&format!("{:#}", sluicegate_web::schema()));
            Ok(ExitCode::SUCCESS)
        }
        Some(Command::HashPassword) => password::hash(),
        Some(Command::Lab(Lab::Overload(args))) => lab::overload(&args),
        Some(Command::Lab(Lab::Laws(args))) => lab::laws(&args),
        Some(Command::Lab(Lab::Door(args))) => lab::door(&args),
        Some(Command::Lab(Lab::Policies(args))) => lab::policies(&args),
    }
}

fn check(file: &Path) -> Result<ExitCode, String> {
    let settings = settings(Some(file))?;
    let config = config(&settings)?;
    let notes = sluicegate_web::check(&config).map_err(|error| error.to_string())?;
    let explained = sluicegate_web::explain(&settings, &config);
    say(&format!("{} can be used\n{}", file.display(), explained.trim_end()));
    for note in notes {
        say(&format!("note: {note}"));
    }
    Ok(ExitCode::SUCCESS)
}

/// What a file says; nothing where there is none.
fn settings(file: Option<&Path>) -> Result<Settings, String> {
    let read = file.map(Settings::from_file).transpose();
    Ok(read.map_err(|complaint| complaint.to_string())?.unwrap_or_default())
}

/// The settings on this machine.
fn config(settings: &Settings) -> Result<Config, String> {
    Config::new(settings, Machine::found()).map_err(|complaint| complaint.to_string())
}

/// A line on stdout, which may be closed: that is no reason to stop serving. Whether it went there.
fn say(line: &str) -> bool {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).is_ok()
}
