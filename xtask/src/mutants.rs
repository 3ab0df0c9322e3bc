//! Kernel mutations: a line of the kernel is broken on purpose, and named tests must notice.
//!
//! The kernel crates are copied below the target directory, so that nothing here can harm the
//! sources. Each mutation must match exactly once, must compile, and must make its tests fail.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail, ensure};

use crate::shell::{self, root};
use crate::test::Scene;

mod copy;
mod table;

/// A test that runs longer than this is stopped, and its mutation counts as not noticed.
const TEST_LIMIT: Duration = Duration::from_secs(120);

/// How often a running test is looked at.
const GLANCE: Duration = Duration::from_millis(20);

/// The suite of the kernel's models.
pub const MODELS: &str = "models";

/// What the search through many seeds is told: a seed that fails is enough.
const SEARCH: (&str, &str) = ("SLUICEGATE_SIM", "--seeds 250 --shrinks 0");

/// One way to break the kernel, and the test that must notice.
pub struct Mutation {
    /// What the mutation does, in a few words.
    pub name: &'static str,
    /// The file, from the workspace's top directory.
    pub file: &'static str,
    /// Text that stands exactly once in the file.
    pub find: &'static str,
    /// What stands there instead.
    pub replace: &'static str,
    /// The file under `tests/` (without `.rs`) that holds the test; empty: the crate's unit tests;
    /// [`MODELS`]: these as loom runs them.
    pub suite: &'static str,
    /// The full names of the tests: each must notice.
    pub tests: &'static [&'static str],
}

/// Of how many parts of the table one is tried a day where there is no time for all.
const PARTS: usize = 3;

/// Runs the whole table on a copy of the kernel.
pub fn run() -> Result<Vec<Scene>> {
    run_part(|_| true)
}

/// Runs the part of the table whose turn it is today; the others have to fit the sources.
pub fn run_todays() -> Result<Vec<Scene>> {
    let days = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs() / (24 * 60 * 60);
    run_part(|n| n % PARTS == days as usize % PARTS)
}

fn run_part(tried: impl Fn(usize) -> bool) -> Result<Vec<Scene>> {
    let dir = shell::scratch("mutants")?;
    copy::kernel(&root(), &dir)?;
    let (now, later): (Vec<_>, Vec<_>) =
        table::MUTATIONS.iter().enumerate().partition(|&(n, _)| tried(n));
    for (_, mutation) in later {
        mutate(&read(&dir.join(mutation.file))?, mutation)?;
    }
    let scenes = run_on(&dir, "sluicegate", now.into_iter().map(|(_, mutation)| mutation));
    for scene in scenes.iter().flatten() {
        println!("{}", scene.line());
    }
    scenes
}

/// Runs mutations on a package of a workspace that may be changed freely.
fn run_on<'a>(
    dir: &Path,
    package: &str,
    mutations: impl IntoIterator<Item = &'a Mutation>,
) -> Result<Vec<Scene>> {
    let mut lab = Lab { dir, package, sound: HashSet::new() };
    let mut scenes = Vec::new();
    for mutation in mutations {
        scenes.push(Scene::of(mutation.name, lab.try_one(mutation)));
    }
    Ok(scenes)
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

/// A copied workspace and the package under test in it.
struct Lab<'a> {
    dir: &'a Path,
    package: &'a str,
    /// Tests that were seen to pass on the unchanged kernel.
    sound: HashSet<&'static str>,
}

/// How a test ended.
#[derive(Debug, PartialEq)]
enum Ran {
    Passed,
    Failed,
    TooLong,
}

impl Lab<'_> {
    fn try_one(&mut self, mutation: &Mutation) -> Result<()> {
        let path = self.dir.join(mutation.file);
        let sound = read(&path)?;
        let broken = mutate(&sound, mutation)?;
        let unseen: Vec<_> =
            mutation.tests.iter().copied().filter(|test| !self.sound.contains(test)).collect();
        if !unseen.is_empty() {
            let binary = self.build(mutation.suite)?;
            for test in unseen {
                let passes = self.run_test(&binary, test)? == Ran::Passed;
                ensure!(passes, "{test} does not pass on the unchanged kernel");
                self.sound.insert(test);
            }
        }
        fs::write(&path, broken)?;
        let outcome = self.all_notice(mutation);
        fs::write(&path, sound)?;
        outcome.context("with the mutation in place")
    }

    /// Whether each of the mutation's tests fails.
    fn all_notice(&self, mutation: &Mutation) -> Result<()> {
        let binary = self.build(mutation.suite)?;
        for test in mutation.tests {
            match self.run_test(&binary, test)? {
                Ran::Failed => {}
                Ran::Passed => bail!("{test} still passes: it does not notice"),
                Ran::TooLong => bail!("{test} hangs for {TEST_LIMIT:?} instead of failing"),
            }
        }
        Ok(())
    }

    /// Runs just the one test in a process of its own.
    fn run_test(&self, binary: &Path, test: &str) -> Result<Ran> {
        let listed = shell::read(Command::new(binary).arg("--list"))?;
        let line = format!("{test}: test");
        ensure!(listed.lines().any(|l| l == line), "no test is named {test}");
        let mut command = Command::new(binary);
        command.args([test, "--exact", "--test-threads=1"]).env(SEARCH.0, SEARCH.1);
        command.current_dir(self.dir.join("crates").join(self.package));
        command.stdout(Stdio::null()).stderr(Stdio::null());
        wait(command.spawn()?)
    }

    fn build(&self, suite: &str) -> Result<PathBuf> {
        let mut command = shell::cargo(&["test", "--no-run", "--message-format=json", "-q"]);
        command.args(["-p", self.package]).current_dir(self.dir);
        command.env("CARGO_TARGET_DIR", self.dir.join("target"));
        match suite {
            "" => command.arg("--lib"),
            MODELS => {
                // What is built with other flags would else take the place of the rest.
                command.env("CARGO_TARGET_DIR", self.dir.join("target").join(MODELS));
                command.env("RUSTFLAGS", "--cfg loom").arg("--lib")
            }
            suite => command.args(["--test", suite]),
        };
        let messages = shell::read(&mut command)?;
        let wanted = if matches!(suite, "" | MODELS) { self.package } else { suite };
        executable(&messages, wanted).with_context(|| format!("no test binary of {wanted} built"))
    }
}

/// Replaces the one place that the mutation names.
fn mutate(sound: &str, mutation: &Mutation) -> Result<String> {
    let Mutation { name, file, find, replace, .. } = mutation;
    let places = sound.matches(find).count();
    ensure!(places == 1, "{name}: found {places} times in {file}, must stand once:\n{find}");
    Ok(sound.replacen(find, replace, 1))
}

/// The test binary of a target, from cargo's JSON messages.
pub fn executable(messages: &str, target: &str) -> Option<PathBuf> {
    let parsed = messages.lines().filter_map(|line| serde_json::from_str(line).ok());
    let mut fitting = parsed.filter(|message: &serde_json::Value| {
        let name = message["target"]["name"].as_str();
        message["profile"]["test"] == true && name == Some(target)
    });
    fitting.find_map(|message| message["executable"].as_str().map(PathBuf::from))
}

/// Waits for a test process, but not for ever.
fn wait(mut child: Child) -> Result<Ran> {
    let begun = Instant::now();
    while begun.elapsed() < TEST_LIMIT {
        if let Some(status) = child.try_wait()? {
            return Ok(if status.success() { Ran::Passed } else { Ran::Failed });
        }
        std::thread::park_timeout(GLANCE);
    }
    child.kill()?;
    child.wait()?;
    Ok(Ran::TooLong)
}

#[cfg(test)]
mod tests;
