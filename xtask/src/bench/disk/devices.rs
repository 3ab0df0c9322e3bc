//! Loop devices and what is mounted from them.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::shell;

/// Makes a block device of a file, around the buffer cache.
pub fn attach(file: &Path, more: &[&str]) -> Result<PathBuf> {
    let mut command = Command::new("losetup");
    command.args(["--find", "--show", "--direct-io=on"]).args(more).arg(file);
    let path = shell::read(&mut command).context("no loop device; it needs root")?;
    Ok(PathBuf::from(path.trim()))
}

/// Takes away the devices of a file that are there.
pub fn detach(file: &Path) {
    let devices = shell::read(Command::new("losetup").args(["-nO", "NAME", "-j"]).arg(file));
    for device in devices.unwrap_or_default().lines() {
        let _ = Command::new("losetup").arg("-d").arg(device.trim()).output();
    }
}

/// Mounts a device with these options.
pub fn mount(device: &Path, options: &str, at: &Path) -> Result<()> {
    let mut mount = Command::new("mount");
    mount.args(["-o", options]).args([device, at]);
    shell::read(&mut mount).context("no file system of our own; it needs root")?;
    Ok(())
}

/// What a path lies on: device, file system, options.
pub fn mounted(path: &Path) -> String {
    let mut command = Command::new("findmnt");
    command.args(["-nro", "SOURCE,FSTYPE,OPTIONS", "-T"]).arg(path);
    shell::read(&mut command).map_or("unknown".into(), |told| told.trim().to_owned())
}
