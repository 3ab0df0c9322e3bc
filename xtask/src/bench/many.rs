//! `bench many`: more connections than a process may have open files, all of them answered.
//!
//! The server keeps them in direct descriptors of io_uring; the clients are processes of their
//! own, each with as many connections as it may have.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::load::{self, Crowd};
use super::server::{Launch, Profile, Server};
use super::{Options, machine, report};
use crate::shell;

/// Connections, unless asked for otherwise.
pub const CONNECTIONS: usize = 100_000;
/// The first argument of a process of clients.
pub const CLIENTS: &str = "many-clients";
/// The most connections of one process of clients.
const EACH: usize = 16_000;
/// Descriptors that a process of clients needs beside its connections.
const OTHER_FILES: u64 = 100;
/// Each worker's table has as many places as the process may have open files.
const WORKERS: usize = 6;
const CONFIG: &str = "direct = true\nio = \"uring\"\n[limits]\nidle = \"1h\"\n";
/// How long they are idle before they are asked again.
const IDLE: Duration = Duration::from_secs(10);
const PATH: &str = "/1k.txt";

/// Opens them, asks each, lets them be idle, and asks each again.
pub fn run(connections: usize, profile: Profile, options: &Options) -> Result<()> {
    options.end()?;
    let home = shell::scratch("many")?;
    let (www, config) = (home.join("www"), home.join("sluicegate.toml"));
    fs::create_dir_all(&www)?;
    fs::write(&config, CONFIG)?;
    fs::write(www.join("1k.txt"), "x".repeat(1024))?;
    let files = load::take_descriptors();
    ensure!(files >= EACH as u64 + OTHER_FILES, "{EACH} descriptors for each process are needed");
    let config = config.to_string_lossy();
    let launch = Launch::of(&www, WORKERS);
    let server = launch.sluicegate(&profile.sluicegate()?, &["--config", &config])?;
    let pss = server.pss_kib();
    let begun = Instant::now();
    let mut clients = Vec::new();
    for first in (0..connections).step_by(EACH) {
        let mut some = Clients::start(server.address, EACH.min(connections - first))?;
        some.says("stand")?;
        clients.push(some);
    }
    let mut text = format!(
        "{connections} connections of {} processes, server with {WORKERS} workers, which may have \
         {files} open files and has {}.\n\n| step | seconds | answers |\n|---|---|---|\n",
        clients.len(),
        open_files(&server)?,
    );
    let _ = writeln!(text, "| opened | {:.1} | |", begun.elapsed().as_secs_f64());
    ask(&mut clients, "asked", &mut text)?;
    // What it is that they cost is seen when nothing is under way.
    std::thread::sleep(IDLE);
    let each = (server.pss_kib() as f64 - pss as f64) * 1024.0 / connections as f64;
    ask(&mut clients, "asked again", &mut text)?;
    let _ = writeln!(text, "\n{each:.0} bytes (Pss) an idle connection.");
    println!("{text}");
    let dir = report::results("many")?;
    let command = format!("cargo xtask bench many --connections {connections}");
    let summary = format!(
        "# Many connections\n\n`{command}`\n\n{text}\n## Machine\n\n{}\n## sluicegate\n\n\
         ```toml\n{CONFIG}```\n",
        machine::describe(),
    );
    fs::write(dir.join("summary.md"), summary)?;
    println!("written to {}", dir.display());
    Ok(())
}

/// A process of clients: connects, asks once for each line that it reads, and says so.
pub fn clients(args: &[&str]) -> Result<()> {
    let [address, count] = args else { bail!("an address and a number are wanted") };
    let (address, count) = (address.parse()?, count.parse()?);
    load::take_descriptors();
    let mut crowd = Crowd::gather(address, PATH, count)?;
    println!("stand");
    for line in std::io::stdin().lines() {
        line?;
        crowd.warm()?;
        println!("answered");
    }
    Ok(())
}

/// Has every connection ask, and waits for all answers.
fn ask(clients: &mut [Clients], step: &str, text: &mut String) -> Result<()> {
    let (begun, mut answers) = (Instant::now(), 0);
    for some in clients {
        writeln!(some.asks, "ask").context("a process of clients has ended")?;
        some.says("answered")?;
        answers += some.count;
    }
    let _ = writeln!(text, "| {step} | {:.1} | {answers} |", begun.elapsed().as_secs_f64());
    Ok(())
}

fn open_files(server: &Server) -> Result<usize> {
    Ok(fs::read_dir(format!("/proc/{}/fd", server.pid()))?.count())
}

struct Clients {
    child: Child,
    asks: ChildStdin,
    hears: BufReader<ChildStdout>,
    count: usize,
}

impl Clients {
    fn start(address: SocketAddr, count: usize) -> Result<Clients> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["bench", CLIENTS, &address.to_string(), &count.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (asks, hears) = (child.stdin.take(), child.stdout.take());
        let (asks, hears) = asks.zip(hears).context("both are piped")?;
        Ok(Clients { child, asks, hears: BufReader::new(hears), count })
    }

    /// Waits until it says this; it says why on stderr where it ends instead.
    fn says(&mut self, word: &str) -> Result<()> {
        let mut line = String::new();
        self.hears.read_line(&mut line)?;
        ensure!(line.trim_end() == word, "{} clients did not get so far: {word}", self.count);
        Ok(())
    }
}

impl Drop for Clients {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
