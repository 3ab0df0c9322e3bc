//! `cargo xtask bench`: figures beside peers, and scenes under load that must hold.

use std::str::FromStr;

use anyhow::{Context, Result, bail};

use crate::shell;
use crate::test::{Scene, has_crates};

mod client;
mod disk;
mod drain;
mod fair;
mod figures;
mod hostile;
mod http;
mod idle;
mod instructions;
mod kernel;
mod load;
mod machine;
mod many;
mod mix;
mod net;
mod overload;
mod panic;
mod profile;
mod reload;
mod report;
mod scrape;
mod server;
mod soak;
mod stand;
mod stats;
mod watch;
mod wrk;

use server::Profile;

const NAMES: &str = "http, kernel, disk, hostile, idle, many, fair, watch, scrape, instructions, \
                     overload, soak, drain, reload, panic, profile";

/// Runs the benchmark that the arguments name.
pub fn run(args: &[&str]) -> Result<()> {
    let Some((name, rest)) = args.split_first() else {
        bail!("which benchmark? accepted are {NAMES}");
    };
    let mut options = Options { rest: rest.to_vec() };
    let outcome = match *name {
        "http" => http::run(http::Plan::from(&mut options)?, Profile::Release, &options),
        "soak" => {
            let minutes = options.value("--minutes")?.unwrap_or(10.0);
            soak::run(minutes * 60.0, Profile::Release, &options)
        }
        "drain" => {
            let rounds = options.value("--rounds")?.unwrap_or(10);
            drain::run(rounds, Profile::Release, &options)
        }
        "reload" => {
            let reloads = options.value("--reloads")?.unwrap_or(100);
            reload::run(reloads, Profile::Release, &options)
        }
        "panic" => {
            let seconds = options.value("--seconds")?.unwrap_or(10.0);
            panic::run(seconds, Profile::Release, &options)
        }
        "profile" => {
            let seconds = options.value("--seconds")?.unwrap_or(10);
            profile::run(seconds, &options)
        }
        "hostile" => {
            let plan = stand::Plan::from("hostile", 5.0, &mut options)?;
            hostile::run(plan, Profile::Release, &options)
        }
        "idle" => {
            let plan = stand::Plan::from("idle", 20.0, &mut options)?;
            idle::run(plan, Profile::Release, &options)
        }
        "many" => {
            let connections = options.value("--connections")?.unwrap_or(many::CONNECTIONS);
            many::run(connections, Profile::Release, &options)
        }
        "kernel" => kernel::run(kernel::Plan::from(&mut options)?, Profile::Release, &options),
        "disk" => disk::run(disk::Plan::from(&mut options)?, Profile::Release, &options),
        "overload" => overload::run(Profile::Release, rest),
        many::CLIENTS => many::clients(rest),
        "fair" => {
            let plan = stand::Plan::from("fair", 10.0, &mut options)?;
            fair::run(plan, Profile::Release, &options)
        }
        "watch" => {
            let plan = stand::Plan::from("watch", 10.0, &mut options)?;
            watch::run(plan, Profile::Release, &options)
        }
        "scrape" => scrape::run(Profile::Release, &options),
        "instructions" => instructions::run(Profile::Release, &options),
        other => bail!("unknown benchmark {other}; accepted are {NAMES}"),
    };
    outcome.with_context(|| format!("bench {name}"))
}

/// Each benchmark for a few seconds, on the quickly built program: they work, and the scenes hold.
pub fn smoke() -> Result<Vec<Scene>> {
    const SOAK_SECONDS: f64 = 10.0;
    const PANIC_SECONDS: f64 = 3.0;
    const DRAIN_ROUNDS: u32 = 3;
    const RELOADS: u32 = 10;
    let none = Options { rest: Vec::new() };
    let quick = Profile::Quick;
    let mut scenes = vec![
        Scene::of("soak: mixed load", soak::run(SOAK_SECONDS, quick, &none)),
        Scene::of("drain: SIGTERM under load", drain::run(DRAIN_ROUNDS, quick, &none)),
        Scene::of("reload: SIGHUP under load", reload::run(RELOADS, quick, &none)),
        Scene::of("panic: a handler that panics", panic::run(PANIC_SECONDS, quick, &none)),
    ];
    let plan = |bench, only| stand::Plan::smoke(bench, 1.0, only);
    let hostile = hostile::run(plan("hostile", "drip,resets,deaf"), quick, &none);
    scenes.push(Scene::of("bench hostile", hostile));
    scenes.push(Scene::of("bench idle", idle::run(plan("idle", "sluicegate"), quick, &none)));
    scenes.push(Scene::of("bench fair", fair::run(plan("fair", "1024"), quick, &none)));
    scenes.push(Scene::of("bench watch", watch::run(plan("watch", "ten"), quick, &none)));
    scenes.push(Scene::of("bench scrape", scrape::run(quick, &none)));
    scenes.push(match has_crates("kernel") {
        true => Scene::of("bench kernel", kernel::run(kernel::Plan::smoke(), quick, &none)),
        false => Scene::skipped("bench kernel", "its crates are not here".to_owned()),
    });
    scenes.push(match (has_crates("disk"), missing(&["fio", "wrk", "taskset"])) {
        (false, _) => Scene::skipped("bench disk", "its crates are not here".to_owned()),
        (true, None) => Scene::of("bench disk", disk::run(disk::Plan::smoke(), quick, &none)),
        (true, Some(why)) => Scene::skipped("bench disk", why),
    });
    scenes.push(match missing(&["wrk", "nginx", "taskset"]) {
        None => Scene::of("bench http", http::run(http::Plan::smoke(), quick, &none)),
        Some(why) => Scene::skipped("bench http", why),
    });
    for scene in &scenes {
        println!("{}", scene.line());
    }
    Ok(scenes)
}

/// Says which of the programs are missing, if any is.
fn missing(programs: &[&str]) -> Option<String> {
    let absent = programs.iter().filter(|program| shell::which(program).is_none());
    let absent: Vec<&str> = absent.copied().collect();
    (!absent.is_empty()).then(|| format!("not installed: {}", absent.join(", ")))
}

/// Arguments of one benchmark; each is taken once, what is left over is an error.
pub struct Options<'a> {
    rest: Vec<&'a str>,
}

impl<'a> Options<'a> {
    /// Whether a flag stands there.
    fn flag(&mut self, name: &str) -> bool {
        let before = self.rest.len();
        self.rest.retain(|word| *word != name);
        self.rest.len() < before
    }

    /// The value after a name, if the name stands there.
    fn value<T: FromStr>(&mut self, name: &str) -> Result<Option<T>> {
        let Some(at) = self.rest.iter().position(|word| *word == name) else { return Ok(None) };
        let value = self.rest.get(at + 1).with_context(|| format!("{name} wants a value"))?;
        let parsed = value.parse().ok().with_context(|| format!("{name} {value}: not a number"))?;
        self.rest.drain(at..at + 2);
        Ok(Some(parsed))
    }

    /// An error if an argument was not understood.
    fn end(&self) -> Result<()> {
        match self.rest.as_slice() {
            [] => Ok(()),
            [word, ..] => bail!("unknown argument {word}; see `cargo xtask help`"),
        }
    }
}
