//! `cargo xtask sim`: many seeds over the nets of the kernel's tests, its examples and the server,
//! with troubles. The tests themselves search; here they are built, run and reported.

use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};

use crate::mutants::executable;
use crate::shell::{self, cargo, root};

/// Seeds of each net unless the arguments say otherwise.
const SEEDS: &str = "1000";
/// Lines of a failure that are shown; all are in a file.
const SHOWN: usize = 60;
/// How the test is told what to do.
const ARGUMENTS: &str = "SLUICEGATE_SIM";

/// A test that tries the seeds of some nets.
struct Target {
    package: &'static str,
    /// Which of the package's tests are to be built, and the name of what is.
    build: &'static [&'static str],
    binary: &'static str,
    test: &'static str,
    nets: &'static [&'static str],
}

const TARGETS: [Target; 3] = [
    Target {
        package: "sluicegate",
        build: &["--test", "sim"],
        binary: "sim",
        test: "seeds::every_net_is_even_and_comes_to_rest_whatever_befalls_it",
        nets: &["random", "gated", "crowd", "own-law"],
    },
    Target {
        package: "sluicegate-web",
        build: &["--lib"],
        binary: "sluicegate_web",
        test: "site::tests::seeds::the_site_is_even_and_comes_to_rest_whatever_befalls_it",
        nets: &["web"],
    },
    Target {
        package: "sluicegate-web",
        build: &["--lib"],
        binary: "sluicegate_web",
        test: "site::tests::volumes::seeds::a_volume_is_even_and_comes_to_rest_whatever_befalls_it",
        nets: &["volume"],
    },
];

/// Tries the seeds that the arguments name; an error if one fails.
pub fn run(args: &[&str]) -> Result<()> {
    let value = |name| args.iter().position(|arg| *arg == name).and_then(|at| args.get(at + 1));
    let wanted = value("--net").copied();
    let all: Vec<&str> = TARGETS.iter().flat_map(|target| target.nets).copied().collect();
    if let Some(net) = wanted {
        ensure!(all.contains(&net), "no net is named {net}; there are {}", all.join(", "));
    }
    let mut arguments: Vec<&str> = args.to_vec();
    if value("--seed").is_none() && value("--seeds").is_none() {
        arguments.extend(["--seeds", SEEDS]);
    }
    let mut failed = 0;
    for target in &TARGETS {
        let binary = match target.nets.iter().any(|net| wanted.is_none_or(|w| w == *net)) {
            true => target.build()?,
            false => continue,
        };
        // One after the other, so that each says how long it took.
        for net in target.nets.iter().filter(|net| wanted.is_none_or(|w| w == **net)) {
            let mut own = arguments.clone();
            if wanted.is_none() {
                own.extend(["--net", net]);
            }
            failed += usize::from(!target.try_net(&binary, net, &own.join(" "))?);
        }
    }
    match failed {
        0 => Ok(()),
        n => bail!("a seed of {n} nets failed"),
    }
}

impl Target {
    /// Builds the test, optimised, and says where it is.
    fn build(&self) -> Result<PathBuf> {
        let mut command = cargo(&["test", "--no-run", "--message-format=json", "-q"]);
        command.args(["--profile", "quick", "-p", self.package]).args(self.build);
        let messages = shell::read(&mut command)?;
        executable(&messages, self.binary)
            .with_context(|| format!("no test binary {} was built", self.binary))
    }

    /// Whether all seeds of a net pass; shows what fails.
    fn try_net(&self, binary: &PathBuf, net: &str, arguments: &str) -> Result<bool> {
        let begun = Instant::now();
        let mut command = Command::new(binary);
        command.args([self.test, "--exact", "--nocapture", "--test-threads=1"]);
        command.current_dir(root().join("crates").join(self.package));
        let output = command.env(ARGUMENTS, arguments).output().context("cannot run the test")?;
        let took = begun.elapsed().as_secs_f64();
        if output.status.success() {
            println!("passed {net}: {arguments} in {took:.1} s");
            return Ok(true);
        }
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let text = text + &String::from_utf8_lossy(&output.stderr);
        let file = shell::scratch("sim")?.join(format!("{net}.trace"));
        std::fs::write(&file, &text)?;
        let lines: Vec<&str> = text.lines().collect();
        println!("{}", lines[lines.len().saturating_sub(SHOWN)..].join("\n"));
        println!("FAILED {net}: {arguments} in {took:.1} s; the trace is in {}", file.display());
        Ok(false)
    }
}
