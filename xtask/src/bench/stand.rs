//! What `bench hostile`, `idle` and `fair` share: their options, a site, ours and nginx with one
//! worker and with more, and the core of the load.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};

use super::server::{Launch, NginxLog, Profile, Server, free_port};
use super::{Options, load, machine, report};
use crate::shell;

/// The core of the load; a server with one worker has core 0 for itself, one with more has both.
pub const LOAD_CORE: usize = 1;

/// Whose server it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Make {
    Ours,
    Nginx,
}

impl Make {
    pub const ALL: [Make; 2] = [Make::Ours, Make::Nginx];

    pub fn name(self) -> &'static str {
        match self {
            Make::Ours => "sluicegate",
            Make::Nginx => "nginx",
        }
    }
}

/// What `--io` of our server takes; a plain run measures the last two.
const BACKENDS: [&str; 3] = ["auto", "uring", "epoll"];

/// Workers of the servers in a plain run.
const WORKERS: [usize; 2] = [1, 2];

/// A server under load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Who {
    pub make: Make,
    pub workers: usize,
    /// What ours moves its bytes with; nginx has but one way.
    io: &'static str,
}

impl Who {
    /// Its make and, of ours, what it moves its bytes with.
    pub fn name(self) -> String {
        match self.make {
            Make::Ours => format!("{} {}", self.make.name(), self.io),
            Make::Nginx => self.make.name().to_owned(),
        }
    }

    /// The name with the number of workers.
    pub fn title(self) -> String {
        format!("{}, workers {}", self.name(), self.workers)
    }

    pub fn is_ours(self) -> bool {
        self.make == Make::Ours
    }
}

/// What the command line says.
pub struct Plan {
    pub seconds: f64,
    /// Servers are measured with each of these numbers of workers, ours also with each backend.
    workers: Vec<usize>,
    io: Vec<&'static str>,
    /// Only these cells, separated by commas; empty: all.
    only: String,
    /// Whether the result is kept beside the sources.
    keep: bool,
    bench: &'static str,
}

impl Plan {
    pub fn from(bench: &'static str, seconds: f64, options: &mut Options) -> Result<Plan> {
        let quick = options.flag("--quick");
        let seconds = options.value("--seconds")?.unwrap_or(if quick { 2.0 } else { seconds });
        let only = options.value("--only")?.unwrap_or_default();
        let workers = match options.value::<String>("--workers")? {
            Some(list) => list.split(',').map(some_workers).collect::<Result<_>>()?,
            None => WORKERS.to_vec(),
        };
        let io = match options.value::<String>("--io")? {
            Some(list) => list.split(',').map(backend).collect::<Result<_>>()?,
            None => BACKENDS[1..].to_vec(),
        };
        ensure!((0.1..=600.0).contains(&seconds), "--seconds: 0.1 to 600 are accepted");
        Ok(Plan { seconds, workers, io, only, keep: !quick, bench })
    }

    /// Just enough to see that it works: one worker, and what a server takes by itself.
    pub fn smoke(bench: &'static str, seconds: f64, only: &str) -> Plan {
        let (workers, io, only) = (vec![1], vec!["auto"], only.to_owned());
        Plan { seconds, workers, io, only, keep: false, bench }
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

    /// The command that asks for just this.
    fn words(&self) -> String {
        let Plan { seconds, workers, io, only, bench, .. } = self;
        let workers: Vec<String> = workers.iter().map(usize::to_string).collect();
        let (workers, io) = (workers.join(","), io.join(","));
        let only = if only.is_empty() { String::new() } else { format!(" --only {only}") };
        format!("cargo xtask bench {bench} --seconds {seconds} --workers {workers} --io {io}{only}")
    }
}

fn some_workers(word: &str) -> Result<usize> {
    let workers = word.parse().ok().filter(|workers| (1..=64).contains(workers));
    workers
        .with_context(|| format!("--workers {word}: 1 to 64 are accepted, or a list such as 1,2"))
}

fn backend(word: &str) -> Result<&'static str> {
    let known = BACKENDS.into_iter().find(|name| *name == word);
    known.with_context(|| format!("--io {word}: accepted are {}", BACKENDS.join(", ")))
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

    /// Servers that are asked for and installed.
    pub fn servers(&self, plan: &Plan) -> Vec<Who> {
        let of = |workers: usize| {
            let ours = plan.io.iter().map(move |io| Who { make: Make::Ours, workers, io });
            let nginx = self.nginx.as_ref();
            ours.chain(nginx.map(move |_| Who { make: Make::Nginx, workers, io: "" }))
        };
        plan.workers.iter().copied().flat_map(of).collect()
    }

    /// A fresh server, which may have so many descriptors.
    pub fn start(&self, who: Who, files: Option<u32>) -> Result<Server> {
        let cores = if who.workers > 1 { "0,1" } else { "0" };
        let launch = Launch { cores: Some(cores), files, ..self.launch(who.workers) };
        match who.make {
            Make::Ours => {
                let config = self.config.to_string_lossy();
                launch.sluicegate(&self.sluicegate, &["--config", &config, "--io", who.io])
            }
            Make::Nginx => {
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
        let (workers, home) = (plan.workers[0], self.home.join("nginx"));
        let launch = self.launch(workers);
        let nginx = launch.nginx_config(&home, free_port()?, false, NginxLog::Off);
        let summary = format!(
            "# {title}\n\n`{}`\n\n{tables}\n## Machine\n\n{}\n## sluicegate\n\n```toml\n{}```\n\n\
             ## nginx with workers: {workers}\n\n```nginx\n{nginx}```\n",
            plan.words(),
            machine::describe(),
            self.text,
        );
        fs::write(dir.join("summary.md"), summary)?;
        fs::write(dir.join("raw.csv"), csv)?;
        println!("written to {}", dir.display());
        Ok(())
    }

    fn launch(&self, workers: usize) -> Launch<'_> {
        Launch { nginx_lines: self.nginx_lines, ..Launch::of(&self.www, workers) }
    }
}
