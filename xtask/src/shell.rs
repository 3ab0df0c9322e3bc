//! Where things are, and how a child process is run, watched and always ended.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};

/// The workspace's top directory.
pub fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).to_path_buf()
}

/// Where cargo puts what it builds: `CARGO_TARGET_DIR` if it is set.
pub fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(dir) => root().join(dir),
        None => root().join("target"),
    }
}

/// A directory of our own under the target directory, made if it is missing.
pub fn scratch(name: &str) -> Result<PathBuf> {
    let dir = target().join("xtask").join(name);
    fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
    Ok(dir)
}

/// `cargo` with the given arguments, in the workspace's top directory.
pub fn cargo(args: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(args).current_dir(root()).env("CARGO_TERM_COLOR", "never");
    command
}

/// A program's full path, if it stands in `PATH` or where Debian keeps servers.
pub fn which(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    places.map(|dir| dir.join(program)).find(|file| file.is_file())
}

/// Whether `cargo NAME` exists, without building anything.
pub fn has_cargo(name: &str) -> bool {
    let mut command = cargo(&[name, "--version"]);
    let quiet = command.stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

/// What a child printed, both streams in one text, and whether it succeeded.
pub struct Told {
    pub text: String,
    pub success: bool,
}

/// Runs a command to its end; its output is shown while it runs and kept.
pub fn tell(command: &mut Command) -> Result<Told> {
    let shown = format!("{command:?}").replace('"', "");
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot run {shown}"))?;
    let text = Arc::new(Mutex::new(String::new()));
    let out = child.stdout.take().context("no stdout")?;
    let err = child.stderr.take().context("no stderr")?;
    let (to_out, to_err) = (text.clone(), text.clone());
    let other = std::thread::spawn(move || relay(err, &to_err));
    relay(out, &to_out);
    other.join().map_err(|_| anyhow::anyhow!("the reader of {shown} panicked"))?;
    let success = child.wait()?.success();
    let text = std::mem::take(&mut *text.lock().unwrap_or_else(|poison| poison.into_inner()));
    Ok(Told { text, success })
}

fn relay(from: impl Read, to: &Mutex<String>) {
    for line in BufReader::new(from).split(b'\n').map_while(Result::ok) {
        let line = String::from_utf8_lossy(&line);
        println!("{line}");
        let mut text = to.lock().unwrap_or_else(|poison| poison.into_inner());
        text.push_str(&line);
        text.push('\n');
    }
}

/// Runs a command to its end and returns its stdout; an error if it failed.
pub fn read(command: &mut Command) -> Result<String> {
    let shown = format!("{command:?}").replace('"', "");
    let output = command.output().with_context(|| format!("cannot run {shown}"))?;
    let err = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(output.status.success(), "{shown} failed ({}): {err}", output.status);
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Today in UTC as `2026-11-23`, for the names of result directories.
pub fn today() -> String {
    let secs = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
    // Civil date from days since 1970-01-01 (Howard Hinnant's algorithm).
    let z = (secs / 86_400) as i64 + 719_468;
    let era = z / 146_097;
    let doe = z - era * 146_097;
    let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = doy - (153 * mp + 2) / 5 + 1;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = yoe + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}
