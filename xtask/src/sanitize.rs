//! `cargo xtask sanitize`: tests of kernel and machine under tools that watch memory.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::shell::{self, cargo, has_cargo};
use crate::test::{Scene, all_passed};

/// The crate whose threads share memory, and the one where `unsafe` may stand.
const PACKAGES: [&str; 4] = ["-p", "sluicegate", "-p", "sluicegate-io"];

/// Doc tests are left out: they are linked without the runtime of a sanitizer.
const TESTS: [&str; 4] = ["--lib", "--tests", "--examples", "--no-fail-fast"];

/// What watches the tests.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tool {
    /// Memory used after it was freed, beyond its bounds, or never freed.
    Address,
    /// Memory that two threads use at once without an order between them.
    Thread,
    /// All undefined behaviour, in what runs without system calls.
    Miri,
}

impl Tool {
    const ALL: [Tool; 3] = [Tool::Address, Tool::Thread, Tool::Miri];

    fn name(self) -> &'static str {
        match self {
            Tool::Address => "address",
            Tool::Thread => "thread",
            Tool::Miri => "miri",
        }
    }

    /// Why it cannot run here, and what to do about it.
    fn lacks(self, sysroot: &Sysroot) -> Option<String> {
        match self {
            Tool::Address | Tool::Thread if !sysroot.has_runtime(self.name()) => {
                Some(format!("the toolchain has no runtime of it for {}", sysroot.host))
            }
            // The locks of std order what threads do: what is not compiled for the sanitizer is
            // not seen by it, and all that stands behind a lock would be reported.
            Tool::Thread if !sysroot.has_source() => Some(
                "std has to be compiled for it too, and its source is not installed: `rustup \
                 component add rust-src`"
                    .to_owned(),
            ),
            Tool::Miri if miri().is_none() => Some(
                "it is not installed: `rustup component add --toolchain nightly miri rust-src`"
                    .to_owned(),
            ),
            _ => None,
        }
    }

    /// Runs the tests under it, built in a directory of its own.
    fn command(self, sysroot: &Sysroot) -> Result<Command> {
        let mut command = match self {
            Tool::Address | Tool::Thread => {
                let mut command = cargo(&["test", "--target", &sysroot.host]);
                command.args(PACKAGES).args(TESTS);
                command.env("RUSTFLAGS", format!("-Zsanitizer={}", self.name()));
                // Sanitizers are not stable; they do not change what the program means.
                command.env("RUSTC_BOOTSTRAP", "1");
                command
            }
            // The machine is system calls, which it does not know; and in the simulator's tests,
            // which are one thread, it would be days.
            Tool::Miri => {
                let mut command = miri().context("it was here a moment ago")?;
                // The laws are sums of one thread, over hours of virtual time.
                command.args(["test", "-p", "sluicegate", "--lib", "--", "--skip", "control::"]);
                // Property tests look where they are; each of their cases takes a second.
                command.env("MIRIFLAGS", "-Zmiri-disable-isolation").env("PROPTEST_CASES", "4");
                command
            }
        };
        if self == Tool::Thread {
            command.arg("-Zbuild-std");
        }
        command.env("CARGO_TARGET_DIR", shell::scratch("sanitize")?.join(self.name()));
        Ok(command)
    }
}

/// `cargo miri` of this toolchain, or of the nightly one beside it.
fn miri() -> Option<Command> {
    if has_cargo("miri") {
        return Some(cargo(&["miri"]));
    }
    let beside = || {
        let mut command = Command::new("rustup");
        command.args(["run", "nightly", "cargo", "miri"]).current_dir(shell::root());
        command.env_remove("CARGO").env_remove("RUSTC");
        command
    };
    let answer = beside().arg("--version").output();
    answer.is_ok_and(|answer| answer.status.success()).then(beside)
}

/// Runs the tool that is named, or all that can run here.
pub fn run(args: &[&str]) -> Result<()> {
    let sysroot = Sysroot::find()?;
    let tools = match args {
        [] => Tool::ALL.to_vec(),
        [name] if Tool::ALL.iter().any(|tool| tool.name() == *name) => {
            Tool::ALL.into_iter().filter(|tool| tool.name() == *name).collect()
        }
        other => bail!("unknown arguments {other:?}; accepted is one of address, thread, miri"),
    };
    let mut scenes = Vec::new();
    for tool in &tools {
        scenes.push(match tool.lacks(&sysroot) {
            Some(why) if tools.len() == 1 => bail!("{} cannot run here: {why}", tool.name()),
            Some(why) => Scene::skipped(tool.name(), why),
            None => Scene::of(tool.name(), watched(*tool, &sysroot)),
        });
    }
    for scene in &scenes {
        println!("{}", scene.line());
    }
    all_passed(scenes)
}

fn watched(tool: Tool, sysroot: &Sysroot) -> Result<()> {
    match shell::tell(&mut tool.command(sysroot)?)?.success {
        true => Ok(()),
        false => bail!("see above"),
    }
}

/// The toolchain's own files.
struct Sysroot {
    host: String,
    rustlib: PathBuf,
}

impl Sysroot {
    fn find() -> Result<Sysroot> {
        let rustc = |what: &str| {
            let program = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
            let said = shell::read(Command::new(program).args(["--print", what]));
            said.map(|line| line.trim().to_owned())
        };
        let rustlib = PathBuf::from(rustc("sysroot")?).join("lib/rustlib");
        Ok(Sysroot { host: rustc("host-tuple")?, rustlib })
    }

    /// Its name also holds that of the channel.
    fn has_runtime(&self, sanitizer: &str) -> bool {
        let ending = format!("_rt.{}san.a", &sanitizer[..1]);
        let files = fs::read_dir(self.rustlib.join(&self.host).join("lib"));
        let names = files.into_iter().flatten().filter_map(|file| Some(file.ok()?.file_name()));
        names.into_iter().any(|name| name.to_string_lossy().ends_with(&ending))
    }

    fn has_source(&self) -> bool {
        self.rustlib.join("src/rust/library").is_dir()
    }
}
