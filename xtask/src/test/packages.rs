//! Debian packages that further tests need: installed when asked for, else named with one line.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::shell;

/// A package, the program it is wanted for, and what is skipped without it.
pub struct Need {
    package: &'static str,
    program: &'static str,
    tests: &'static str,
}

const NEEDS: [Need; 6] = [
    Need { package: "chromium", program: "chromium", tests: "the pages in a browser" },
    Need { package: "chromium-driver", program: "chromedriver", tests: "the dashboard" },
    Need { package: "npm", program: "npm", tests: "faults of accessibility (axe-core)" },
    Need { package: "nginx-light", program: "nginx", tests: "bench http beside nginx" },
    Need { package: "fio", program: "fio", tests: "bench disk" },
    Need { package: "wrk", program: "wrk", tests: "bench http" },
];

/// The version that the tests were written with.
const AXE: &str = "axe-core@4.14.1";

/// Asks Debian's maintainer scripts to start no service while this file stands.
const POLICY: &str = "/usr/sbin/policy-rc.d";

/// Installs what is missing when asked to and allowed to; returns what is still missing.
pub fn provide(install: bool) -> Vec<Need> {
    let mut missing: Vec<Need> = NEEDS.into_iter().filter(Need::missing).collect();
    if install && !missing.is_empty() {
        if let Err(error) = install_all(&missing) {
            println!("packages not installed: {error:#}");
        }
        missing.retain(Need::missing);
    }
    if install && let Err(error) = install_axe() {
        println!("axe-core not installed: {error:#}");
    }
    missing
}

/// What looks for faults of accessibility in pages: kept where the tests look for it, below the
/// target directory, and fetched once.
fn install_axe() -> Result<()> {
    let dir = shell::scratch("axe")?;
    if dir.join("node_modules/axe-core/axe.min.js").exists() {
        return Ok(());
    }
    let npm = shell::which("npm").context("npm is not installed")?;
    let mut command = Command::new(npm);
    command.args(["install", "--no-audit", "--no-fund", "--ignore-scripts", AXE]);
    ensure!(shell::tell(command.current_dir(dir))?.success, "npm failed");
    Ok(())
}

/// The one line that installs what is missing, and the tests that were skipped.
pub fn report(missing: &[Need]) {
    if missing.is_empty() {
        return;
    }
    let names: Vec<&str> = missing.iter().map(|need| need.package).collect();
    println!("\nSkipped for want of a Debian package:");
    for need in missing {
        println!("  {} (needs {})", need.tests, need.package);
    }
    println!("To run them too: apt-get install --no-install-recommends {}", names.join(" "));
}

impl Need {
    fn missing(&self) -> bool {
        shell::which(self.program).is_none()
    }
}

fn install_all(missing: &[Need]) -> Result<()> {
    let user = shell::read(Command::new("id").arg("-u"))?;
    ensure!(user.trim() == "0", "only root may install packages");
    ensure!(shell::which("apt-get").is_some(), "this is not a Debian system: no apt-get");
    let ours = forbid_services()?;
    let outcome = apt(missing);
    if ours {
        fs::remove_file(POLICY).with_context(|| format!("cannot remove {POLICY}"))?;
    }
    outcome
}

fn apt(missing: &[Need]) -> Result<()> {
    let names: Vec<&str> = missing.iter().map(|need| need.package).collect();
    let update = shell::tell(Command::new("apt-get").args(["-q", "update"]))?;
    ensure!(update.success, "apt-get update failed");
    let mut install = Command::new("apt-get");
    install.args(["-q", "-y", "--no-install-recommends", "install"]).args(names);
    let install = shell::tell(install.env("DEBIAN_FRONTEND", "noninteractive"))?;
    ensure!(install.success, "apt-get install failed");
    Ok(())
}

/// Writes the policy file unless the system has one of its own; whether we wrote it.
fn forbid_services() -> Result<bool> {
    if Path::new(POLICY).exists() {
        return Ok(false);
    }
    fs::write(POLICY, "#!/bin/sh\nexit 101\n").with_context(|| format!("cannot write {POLICY}"))?;
    fs::set_permissions(POLICY, fs::Permissions::from_mode(0o755))?;
    Ok(true)
}
