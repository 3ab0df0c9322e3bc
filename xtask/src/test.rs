//! `cargo xtask test`: every group of checks in order, ending with one summary line.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::shell::{self, Told, cargo, has_cargo};
use crate::{bench, mutants};

mod packages;
mod tally;

use tally::Tally;

/// The examples of the kernel: those of the machine run in its tests.
const EXAMPLES: [&str; 6] =
    ["hello", "word_count", "packet_router", "own_law", "own_policy", "hop_cost"];

/// One line of the closing table.
struct Group {
    name: String,
    tally: Tally,
    took: Duration,
}

/// What has run so far.
#[derive(Default)]
struct Session {
    groups: Vec<Group>,
}

/// Runs everything; an error names the first group that failed.
pub fn run(args: &[&str]) -> Result<()> {
    let install = match args {
        [] => std::env::var("CI").is_ok_and(|ci| ci == "true"),
        ["--install"] => true,
        other => bail!("unknown arguments {other:?}; accepted is --install"),
    };
    let mut session = Session::default();
    let missing = packages::provide(install);
    let outcome = session.all();
    session.close(&missing);
    outcome
}

/// Has a browser take the pictures of the documentation.
pub fn screenshots() -> Result<()> {
    let args = ["test", "-p", "sluicegate-cli", "--test", "dashboard", "--profile", "quick"];
    let mut command = cargo(&args);
    command.arg("pictures").env("SLUICEGATE_SCREENSHOTS", shell::root().join("docs/images"));
    match shell::tell(&mut command)?.success {
        true => Ok(()),
        false => bail!("no pictures were taken"),
    }
}

impl Session {
    fn all(&mut self) -> Result<()> {
        self.check("lock files", true, || {
            let locked = ["tree", "--locked", "--quiet", "--depth", "0"];
            both(shell::tell(cargo(&locked).arg("--workspace"))?, || peer(&locked))
        })?;
        self.check("format", has_cargo("fmt"), || {
            let format = ["fmt", "--all", "--check"];
            both(tell(&format)?, || peer(&format))
        })?;
        self.check("clippy", has_cargo("clippy"), || {
            let clippy = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
            both(tell(&clippy)?, || peer(&clippy))
        })?;
        let tools = has_cargo("fmt") && has_cargo("clippy");
        for name in ["overload", "kernel", "disk"] {
            self.check(&format!("peers of bench {name}"), tools && has_crates(name), || {
                let clippy =
                    ["clippy", "--locked", "--offline", "--all-targets", "--", "-D", "warnings"];
                let format = shell::tell(&mut in_peer(name, &["fmt", "--check"]))?;
                both(format, || shell::tell(&mut in_peer(name, &clippy)))
            })?;
        }
        // Those of the command line run below, optimised.
        let all_but = ["--workspace", "--exclude", "sluicegate-cli"];
        self.tests("tests and project checks", &all_but, "dev")?;
        self.runner("models", || {
            let mut command =
                cargo(&["test", "--package", "sluicegate", "--lib", "--profile", "quick"]);
            command.env("RUSTFLAGS", "--cfg loom").arg("models::");
            shell::tell(command.env("CARGO_TARGET_DIR", shell::scratch("models")?))
        })?;
        self.runner("doctests", || tell(&["test", "--doc", "--workspace"]))?;
        self.check("examples", true, || {
            let run = ["run", "--quiet", "--package", "sluicegate", "--example"];
            let example = |name| tell(&[&run[..], &[name]].concat());
            let (first, others) = (EXAMPLES[0], &EXAMPLES[1..]);
            others.iter().try_fold(example(first)?, |told, name| both(told, || example(name)))
        })?;
        self.check("rustdoc", true, || {
            let mut command = cargo(&["doc", "--workspace", "--no-deps", "--lib"]);
            shell::tell(command.env("RUSTDOCFLAGS", "-D warnings"))
        })?;
        self.tests("end to end, optimised", &["-p", "sluicegate-cli"], "quick")?;
        self.scenes("under load, optimised", bench::smoke)?;
        self.scenes("kernel mutations", mutants::run_todays)?;
        self.check("cargo-deny", has_cargo("deny"), || {
            tell(&["deny", "--workspace", "check", "bans", "licenses", "sources"])
        })
    }

    /// All tests of some packages: by cargo-nextest where it is installed.
    fn tests(&mut self, name: &str, which: &[&str], profile: &str) -> Result<()> {
        let nextest = has_cargo("nextest");
        let (head, flag): (&[&str], &str) = match nextest {
            true => (&["nextest", "run", "--no-fail-fast"], "--cargo-profile"),
            false => (&["test", "--no-fail-fast", "--all-targets"], "--profile"),
        };
        let args = [head, which, &[flag, profile]].concat();
        self.runner(name, || tell(&args))
    }

    /// A test runner whose output says how many passed.
    fn runner(&mut self, name: &str, run: impl FnOnce() -> Result<Told>) -> Result<()> {
        self.group(name, || {
            let told = run()?;
            let mut tally = tally::read(&told.text);
            // A runner that fails without a failed test did not even build.
            tally.failed += u64::from(!told.success && tally.failed == 0);
            Ok(tally)
        })
    }

    /// A check that is one yes or no; skipped where its tool is not installed.
    fn check(
        &mut self,
        name: &str,
        present: bool,
        run: impl FnOnce() -> Result<Told>,
    ) -> Result<()> {
        self.group(name, || match present {
            true => Ok(Tally::one(run()?.success)),
            false => Ok(Tally::SKIPPED),
        })
    }

    /// Named scenes that report one by one.
    fn scenes(&mut self, name: &str, run: impl FnOnce() -> Result<Vec<Scene>>) -> Result<()> {
        self.group(name, || {
            let mut tally = Tally::default();
            for scene in run()? {
                match scene.verdict {
                    Verdict::Passed => tally.passed += 1,
                    Verdict::Failed(_) => tally.failed += 1,
                    Verdict::Skipped(_) => tally.skipped += 1,
                }
            }
            Ok(tally)
        })
    }

    fn group(&mut self, name: &str, run: impl FnOnce() -> Result<Tally>) -> Result<()> {
        println!("\n== {name}");
        let begun = Instant::now();
        let outcome = run();
        let tally = match &outcome {
            Ok(tally) => *tally,
            Err(error) => {
                println!("FAILED {name}: {error:#}");
                Tally::one(false)
            }
        };
        self.groups.push(Group { name: name.to_owned(), tally, took: begun.elapsed() });
        if tally.failed > 0 {
            bail!("{name}: {} failed", tally.failed);
        }
        Ok(())
    }

    /// The closing table, what was skipped for want of a package, and the summary line.
    fn close(&self, missing: &[packages::Need]) {
        println!(
            "\n{:<28} {:>7} {:>7} {:>7} {:>8}",
            "group", "passed", "failed", "skipped", "time"
        );
        let mut sum = Tally::default();
        for Group { name, tally, took } in &self.groups {
            let Tally { passed, failed, skipped } = tally;
            let took = took.as_secs_f64();
            println!("{name:<28} {passed:>7} {failed:>7} {skipped:>7} {took:>7.1}s");
            sum = sum.plus(*tally);
        }
        packages::report(missing);
        println!("\n{} passed, {} failed, {} skipped", sum.passed, sum.failed, sum.skipped);
    }
}

/// One named thing that was tried outside the ordinary test runners.
pub struct Scene {
    pub name: String,
    pub verdict: Verdict,
}

/// What became of a [`Scene`].
pub enum Verdict {
    Passed,
    Failed(String),
    Skipped(String),
}

impl Scene {
    /// A scene that passed, or failed with the error's words.
    pub fn of(name: impl Into<String>, outcome: Result<()>) -> Scene {
        let verdict = match outcome {
            Ok(()) => Verdict::Passed,
            Err(error) => Verdict::Failed(format!("{error:#}")),
        };
        Scene { name: name.into(), verdict }
    }

    /// What became of it, in one line.
    pub fn line(&self) -> String {
        match &self.verdict {
            Verdict::Passed => format!("passed {}", self.name),
            Verdict::Failed(why) => format!("FAILED {}: {why}", self.name),
            Verdict::Skipped(why) => format!("skipped {}: {why}", self.name),
        }
    }

    /// Whether it failed.
    pub fn failed(&self) -> bool {
        matches!(self.verdict, Verdict::Failed(_))
    }

    /// A scene that could not be tried.
    pub fn skipped(name: impl Into<String>, why: impl Into<String>) -> Scene {
        Scene { name: name.into(), verdict: Verdict::Skipped(why.into()) }
    }
}

/// An error that names how many scenes failed, if any did.
pub fn all_passed(scenes: Vec<Scene>) -> Result<()> {
    match scenes.iter().filter(|scene| scene.failed()).count() {
        0 => Ok(()),
        n => bail!("{n} of {} failed", scenes.len()),
    }
}

/// The second only if the first succeeded.
fn both(first: Told, second: impl FnOnce() -> Result<Told>) -> Result<Told> {
    if first.success { second() } else { Ok(first) }
}

/// Cargo in the workspace of the peer that is built from our own crates.
fn peer(args: &[&str]) -> Result<Told> {
    shell::tell(&mut in_peer("bare", args))
}

/// Cargo in a workspace below `bench/peers`.
fn in_peer(name: &str, args: &[&str]) -> Command {
    let mut command = cargo(args);
    command.current_dir(shell::root().join("bench/peers").join(name));
    command.env("CARGO_TARGET_DIR", shell::target().join(name));
    command
}

/// Whether the crates of these peers are on this machine: nothing is fetched for a test.
pub fn has_crates(name: &str) -> bool {
    let check = ["tree", "--locked", "--offline", "--quiet", "--depth", "0"];
    let mut command = in_peer(name, &check);
    let here = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    let here = here.is_ok_and(|status| status.success());
    if !here {
        println!("the crates of bench/peers/{name} are not here: `cargo fetch` there brings them");
    }
    here
}

fn tell(args: &[&str]) -> Result<Told> {
    shell::tell(&mut cargo(args))
}
