//! `bench reload`: SIGHUP again and again under load; no request may fail.

use std::fs;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::drain::{COMING, KEEPING, Seen, client};
use super::mix::{self, CONFIG};
use super::server::{Launch, Profile};
use super::{Options, report};
use crate::shell;

/// Between two reloads: former services end meanwhile, so that never too many of them are left.
const PAUSE: Duration = Duration::from_millis(100);

/// A run of at least so many reloads is kept below `bench/results/`.
const KEPT_FROM: u32 = 100;

/// So many reloads on each backend, with two workers.
pub fn run(reloads: u32, profile: Profile, options: &Options) -> Result<()> {
    options.end()?;
    let mut lines = String::new();
    for io in ["epoll", "uring"] {
        lines.push_str(&one(reloads, profile, io)?);
    }
    println!("{lines}");
    if reloads >= KEPT_FROM {
        let command = format!("cargo xtask bench reload --reloads {reloads}");
        let text = format!("# SIGHUP under load\n\n`{command}`\n\n{lines}");
        fs::write(report::results("reload")?.join("summary.md"), text)?;
    }
    Ok(())
}

fn one(reloads: u32, profile: Profile, io: &str) -> Result<String> {
    let (www, config) = mix::site(&shell::scratch("reload")?, CONFIG)?;
    let config = config.to_string_lossy();
    let mut server = Launch::of(&www, 2)
        .sluicegate(&profile.sluicegate()?, &["--config", &config, "--io", io])?;
    let (seen, done) = (Mutex::new(Seen::default()), AtomicBool::new(false));
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for n in 0..KEEPING + COMING {
            let (seen, done, address) = (&seen, &done, server.address);
            scope.spawn(move || client(address, n < KEEPING, n, seen, |_| !done.load(Relaxed)));
        }
        for _ in 0..reloads {
            std::thread::sleep(PAUSE);
            if let Err(error) = server.signal("HUP") {
                eprintln!("{error}");
            }
        }
        std::thread::sleep(PAUSE);
        done.store(true, Relaxed);
    });
    let seconds = begun.elapsed().as_secs_f64();
    server.terminate()?;
    let status = server.ended()?;
    let said = server.said();
    let again = said.matches("SIGHUP: the settings were read again").count();
    let Seen { answered, wrong, closing, refused_connects, lost, .. } =
        seen.into_inner().unwrap_or_else(|poison| poison.into_inner());
    let line = format!(
        "* {io}: {again} reloads in {seconds:.0} s, {answered} requests answered ({closing} said \
         that they close), {wrong} with another status than 200, {} without a whole answer, \
         {refused_connects} connects refused\n",
        lost.len()
    );
    ensure!(status.success(), "the server ended with {status}: {said}");
    ensure!(again as u32 == reloads, "{again} of {reloads} reloads were done: {said}");
    ensure!(wrong == 0 && lost.is_empty() && refused_connects == 0, "requests failed: {line}");
    ensure!(said.contains("both ledgers are even"), "uneven: {said}");
    Ok(line)
}
