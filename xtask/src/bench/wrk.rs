//! Drives a server with wrk and reads what wrk counted.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::shell;

/// What wrk's script prints at the end, so that nothing has to be guessed from prose.
const DONE: &str = r#"
done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format("FIGURES %d %d %d %d %d %d %d %d %d %d\n", summary.requests,
    summary.duration, summary.bytes, e.connect, e.read, e.write, e.timeout, e.status,
    latency:percentile(50), latency:percentile(99)))
end
"#;

/// How wrk drives a server.
pub struct Drive<'a> {
    pub cores: &'a str,
    pub connections: usize,
    /// Requests sent together on one connection.
    pub depth: usize,
    pub seconds: u64,
    pub url: &'a str,
}

/// What wrk counted.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    pub requests: u64,
    pub seconds: f64,
    pub bytes: u64,
    pub connect: u64,
    pub read: u64,
    pub write: u64,
    pub timeout: u64,
    pub status: u64,
    pub p50_ms: f64,
    pub p99_ms: f64,
}

impl Figures {
    /// Requests that did not end with a good answer.
    pub fn errors(&self) -> u64 {
        self.connect + self.read + self.write + self.timeout + self.status
    }
}

impl Drive<'_> {
    /// The command line, with the script at its place.
    pub fn command(&self, scripts: &Path) -> Result<Command> {
        let mut command = Command::new("taskset");
        command.args(["-c", self.cores, "wrk", "-t1", "--timeout", "5s"]);
        command.args([format!("-c{}", self.connections), format!("-d{}s", self.seconds)]);
        command.arg("-s").arg(self.script(scripts)?).arg(self.url);
        Ok(command)
    }

    /// Runs wrk to its end.
    pub fn run(&self, scripts: &Path) -> Result<Figures> {
        let told = shell::read(&mut self.command(scripts)?)?;
        let line = told.lines().find_map(|line| line.strip_prefix("FIGURES "));
        let figures = line.and_then(parse).with_context(|| format!("wrk said:\n{told}"))?;
        ensure!(figures.requests > 0, "wrk got no answer at all:\n{told}");
        Ok(figures)
    }

    /// A script only where requests are joined: wrk prepares single ones without one.
    fn script(&self, dir: &Path) -> Result<PathBuf> {
        let file = dir.join(format!("depth-{}.lua", self.depth));
        let joined = match self.depth {
            1 => String::new(),
            depth => format!(
                "init = function(args)\n  local one = wrk.format()\n  \
                 joined = string.rep(one, {depth})\nend\n\
                 request = function() return joined end\n"
            ),
        };
        fs::write(&file, joined + DONE)?;
        Ok(file)
    }
}

fn parse(line: &str) -> Option<Figures> {
    let numbers: Option<Vec<u64>> = line.split(' ').map(|word| word.parse().ok()).collect();
    let [requests, us, bytes, connect, read, write, timeout, status, p50, p99] =
        <[u64; 10]>::try_from(numbers?).ok()?;
    let seconds = us as f64 / 1e6;
    let (p50_ms, p99_ms) = (p50 as f64 / 1e3, p99 as f64 / 1e3);
    Some(Figures {
        requests,
        seconds,
        bytes,
        connect,
        read,
        write,
        timeout,
        status,
        p50_ms,
        p99_ms,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read_and_nothing_else() {
        let figures = parse("200 1000000 9 0 1 0 2 3 500 1500").expect("figures");
        assert_eq!((figures.requests, figures.errors()), (200, 6));
        assert_eq!((figures.seconds, figures.p50_ms, figures.p99_ms), (1.0, 0.5, 1.5));
        assert!(parse("200 x").is_none());
    }
}
