//! `bench overload`: the experiment of `sluicegate lab overload` beside the peers, all built alike.

use std::process::Command;

use anyhow::{Result, ensure};

use super::report;
use super::server::Profile;
use crate::shell;

/// Builds our command and the peers, and has the one ask both. `args` are those of the experiment;
/// what it finds is kept below `bench/results/overload`, unless it is to be quick or the arguments
/// name another place.
pub fn run(profile: Profile, args: &[&str]) -> Result<()> {
    let ours = profile.sluicegate()?;
    let peer = profile.peer("overload", "overload-peer")?;
    let mut command = Command::new(ours);
    command.args(["lab", "overload"]).args(args);
    command.arg("--peers").args(peer.parent());
    let named = args.iter().any(|word| *word == "--out" || word.starts_with("--out="));
    if !named {
        let dir = match args.contains(&"--quick") {
            true => shell::scratch("overload")?,
            false => report::results("overload/full")?,
        };
        command.arg("--out").arg(dir);
    }
    ensure!(command.status()?.success(), "the experiment failed");
    Ok(())
}
