//! A program that serves: what it is started with, and how it says that it listens.

use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::channel;
use std::time::Duration;

use sluicegate_io::Addr;

use super::machine::Cores;

/// How long a server may take to say where it listens.
pub const START_MAX: Duration = Duration::from_secs(10);
/// Lines in which it says so.
const BANNER_MAX: usize = 64;

/// A program that serves.
pub(super) struct Program {
    command: PathBuf,
    arguments: Vec<String>,
    /// What it reads, and where.
    file: Option<(PathBuf, String)>,
    /// Where it listens, and the words by which it says that it does; else it tells an address.
    listening: Option<(Addr, &'static str)>,
}

impl Program {
    pub fn new(command: PathBuf, arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(|word| (*word).to_owned()).collect();
        Self { command, arguments, file: None, listening: None }
    }

    pub fn with_file(self, path: PathBuf, text: String) -> Self {
        Self { file: Some((path, text)), ..self }
    }

    pub fn listening(self, on: Addr, words: &'static str) -> Self {
        Self { listening: Some((on, words)), ..self }
    }

    /// Starts it on the server's processor, and waits until it says where it listens. What it
    /// complains about is added to `log`. Whatever this comes to, the child is in `children`.
    pub fn start(
        self,
        log: &Path,
        cores: &Cores,
        children: &mut Vec<Child>,
    ) -> Result<Addr, String> {
        let told = |path: &Path, error| format!("cannot write {}: {error}", path.display());
        if let Some((path, text)) = &self.file {
            let made = path.parent().map_or(Ok(()), fs::create_dir_all);
            made.and_then(|()| fs::write(path, text)).map_err(|error| told(path, error))?;
        }
        let complaints = OpenOptions::new().create(true).append(true).open(log);
        let complaints = complaints.map_err(|error| told(log, error))?;
        let mut command = Command::new(&self.command);
        command.args(&self.arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(complaints);
        let child = {
            // The child inherits the processor from this thread.
            let _pinned = cores.server();
            command.spawn()
        };
        let mut child =
            child.map_err(|error| format!("cannot run {}: {error}", self.command.display()))?;
        let said = child.stdout.take();
        children.push(child);
        said.and_then(|out| first_address(out, self.listening)).ok_or_else(|| no_start(log))
    }

    /// How it is started, as Markdown.
    pub fn shown(&self) -> String {
        let name = self.command.file_name().unwrap_or_default().to_string_lossy();
        let mut text = format!("`{name} {}`", self.arguments.join(" "));
        if let Some((path, file)) = &self.file {
            let kind = path.extension().unwrap_or_default().to_string_lossy();
            text += &format!(" with\n\n```{kind}\n{file}```");
        }
        text
    }
}

/// The address in the line `site  ... on http://ADDRESS/`, or the one that is known once the words
/// are told; none if neither comes in time.
fn first_address(out: ChildStdout, known: Option<(Addr, &'static str)>) -> Option<Addr> {
    let (send, found) = channel();
    // Ends when the process is gone, which it is soon where no such line comes.
    std::thread::spawn(move || {
        let mut out = BufReader::new(out);
        let lines = out.by_ref().lines().map_while(Result::ok).take(BANNER_MAX);
        let mut addresses = lines.filter_map(|line| match &known {
            Some((addr, words)) => line.contains(words).then(|| addr.clone()),
            None => address(&line),
        });
        if let Some(addr) = addresses.next() {
            // Nobody waits any more where it came too late.
            let _ = send.send(addr);
            // A program that goes on talking would die of a pipe that nobody reads.
            let _ = std::io::copy(&mut out, &mut std::io::sink());
        }
    });
    found.recv_timeout(START_MAX).ok()
}

fn address(line: &str) -> Option<Addr> {
    let (_, rest) = line.trim().strip_prefix("site")?.split_once("http://")?;
    rest.split('/').next()?.parse().ok()
}

fn no_start(log: &Path) -> String {
    let said = fs::read_to_string(log).unwrap_or_default();
    let said: Vec<&str> = said.lines().map(str::trim).collect();
    format!(
        "the server under test did not start within {START_MAX:?}; in {} it says: {}",
        log.display(),
        if said.is_empty() { "nothing".to_owned() } else { said.join("; ") }
    )
}
