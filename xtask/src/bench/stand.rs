//! What `bench hostile`, `idle` and `fair` share: their options, a site, ours and nginx on one
//! core, and the load on the other.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};

use super::server::{Launch, NginxLog, Profile, Server, free_port};
use super::{Options, load, machine, report};
use crate::shell;

/// The core of the load; with one worker the server has core 0 for itself.
pub const LOAD_CORE: usize = 1;

/// A server under load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    Ours,
    Nginx,
}

impl Who {
    pub const ALL: [Who; 2] = [Who::Ours, Who::Nginx];

    pub fn name(self) -> &'static str {
        match self {
            Who::Ours => "sluicegate",
            Who::Nginx => "nginx",
        }
    }
}

/// What the command line says.
pub struct Plan {
    pub seconds: f64,
    pub workers: usize,
    /// Only these cells, separated by commas; empty: all.
    only: String,
    /// Given to our server, if it is given to us.
    io: Option<String>,
    /// Whether the result is kept beside the sources.
    keep: bool,
    bench: &'static str,
}

impl Plan {
    pub fn from(bench: &'static str, seconds: f64, options: &mut Options) -> Result<Plan> {
        let quick = options.flag("--quick");
        let seconds = options.value("--seconds")?.unwrap_or(if quick { 2.0 } else { seconds });
        let workers = options.value("--workers")?.unwrap_or(1);
        let only = options.value("--only")?.unwrap_or_default();
        let io = options.value("--io")?;
        ensure!((0.1..=600.0).contains(&seconds), "--seconds: 0.1 to 600 are accepted");
        ensure!((1..=64).contains(&workers), "--workers: 1 to 64 are accepted");
        Ok(Plan { seconds, workers, only, io, keep: !quick, bench })
    }

    /// Just enough to see that it works.
    pub fn smoke(bench: &'static str, seconds: f64, only: &str) -> Plan {
        let only = only.to_owned();
        Plan { seconds, workers: 1, only, io: None, keep: false, bench }
    }

    /// Whether this is only to see that it works.
    pub fn is_quick(&self) -> bool {
        !self.keep
    }

    /// Whether a cell is asked for.
    pub fn asks(&self, cell: &str) -> bool {
        self.only.is_empty() || self.only.split(',').any(|name| name == cell)
    }

    /// An error if no cell has a name that was asked for.
    pub fn check(&self, cells: &[&str]) -> Result<()> {
        for name in self.only.split(',').filter(|name| !name.is_empty()) {
            if !cells.contains(&name) {
                bail!("--only {name}: no such cell; accepted are {}", cells.join(", "));
            }
        }
        Ok(())
    }

    fn words(&self) -> String {
        let Plan { seconds, workers, only, io, bench, .. } = self;
        let mut words =
            format!("cargo xtask bench {bench} --seconds {seconds} --workers {workers}");
        if !only.is_empty() {
            words += &format!(" --only {only}");
        }
        if let Some(io) = io {
            words += &format!(" --io {io}");
        }
        words
    }
}

/// A site and the servers that can serve it.
pub struct Stand {
    home: PathBuf,
    www: PathBuf,
    config: PathBuf,
    text: &'static str,
    nginx_lines: &'static str,
    sluicegate: PathBuf,
    nginx: Option<PathBuf>,
    /// Descriptors that we may have.
    pub files: u64,
}

impl Stand {
    /// Ours with the settings in `text`, nginx with `nginx_lines` that mean the same.
    pub fn prepare(
        plan: &Plan,
        profile: Profile,
        text: &'static str,
        nginx_lines: &'static str,
    ) -> Result<Stand> {
        ensure!(shell::which("taskset").is_some(), "taskset is not installed");
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        ensure!(cores >= 2, "server and load need a core each; this machine gives us {cores}");
        let home = shell::scratch(plan.bench)?;
        let (www, config) = (home.join("www"), home.join("sluicegate.toml"));
        fs::create_dir_all(&www)?;
        fs::write(&config, text)?;
        fs::write(www.join("index.html"), "<!doctype html><title>bench</title>\n")?;
        fs::write(www.join("1k.txt"), "x".repeat(1024))?;
        fs::write(www.join("100k.bin"), "x".repeat(100 * 1024))?;
        let (sluicegate, nginx) = (profile.sluicegate()?, shell::which("nginx"));
        let files = load::take_descriptors();
        Ok(Stand { home, www, config, text, nginx_lines, sluicegate, nginx, files })
    }

    /// Servers that are installed.
    pub fn servers(&self) -> Vec<Who> {
        Who::ALL.into_iter().filter(|who| *who == Who::Ours || self.nginx.is_some()).collect()
    }

    /// A fresh server, which may have so many descriptors.
    pub fn start(&self, who: Who, plan: &Plan, files: Option<u32>) -> Result<Server> {
        let cores = if plan.workers > 1 { "0,1" } else { "0" };
        let launch = Launch { cores: Some(cores), files, ..self.launch(plan) };
        match who {
            Who::Ours => {
                let config = self.config.to_string_lossy();
                let mut extra = vec!["--config", &config];
                if let Some(io) = &plan.io {
                    extra.extend(["--io", io]);
                }
                launch.sluicegate(&self.sluicegate, &extra)
            }
            Who::Nginx => {
                let program = self.nginx.as_ref().context("nginx is not installed")?;
                launch.nginx(program, &self.home.join("nginx"), false, NginxLog::Off)
            }
        }
    }

    /// Prints the tables; keeps them with the raw figures below `bench/results/` if asked to.
    pub fn report(&self, plan: &Plan, title: &str, tables: &str, csv: &str) -> Result<()> {
        println!("\n{tables}");
        let dir = match plan.keep {
            true => report::results(plan.bench)?,
            false => shell::scratch("results")?,
        };
        let (launch, home) = (self.launch(plan), self.home.join("nginx"));
        let nginx = launch.nginx_config(&home, free_port()?, false, NginxLog::Off);
        let summary = format!(
            "# {title}\n\n`{}`\n\n{tables}\n## Machine\n\n{}\n## sluicegate\n\n```toml\n{}```\n\n\
             ## nginx\n\n```nginx\n{nginx}```\n",
            plan.words(),
            machine::describe(),
            self.text,
        );
        fs::write(dir.join("summary.md"), summary)?;
        fs::write(dir.join("raw.csv"), csv)?;
        println!("written to {}", dir.display());
        Ok(())
    }

    fn launch(&self, plan: &Plan) -> Launch<'_> {
        Launch { nginx_lines: self.nginx_lines, ..Launch::of(&self.www, plan.workers) }
    }
}
