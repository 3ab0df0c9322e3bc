//! What is read from: a file, a loop device over it, and a file that only the buffer cache reads.
//! All of it is gone afterwards, also what a run that was killed left.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::devices;
use crate::bench::stats::Random;
use crate::shell;

/// MiB that must stay free on the disk, so that a measurement does not fill it for others.
const SPARE: u64 = 1 << 10;
/// MiB of the file system that reads through the buffer cache, of its journal and of its file.
const IMAGE: u64 = 192;
const JOURNAL: u64 = 16;
const CACHED: u64 = 64;

/// Files and devices of one run.
pub struct Ground {
    dir: PathBuf,
    /// Read by direct I/O, on the file system of the target directory.
    pub file: PathBuf,
    /// The same bytes as a block device, or why there is none.
    pub device: Result<PathBuf>,
    /// A file whose file system has no direct I/O, or why there is none.
    pub cached: Result<PathBuf>,
}

impl Ground {
    /// Writes a file of so many MiB of noise, and sets up what is made of it.
    pub fn prepare(mib: u64, seed: u64) -> Result<Ground> {
        let dir = shell::scratch("disk")?;
        clear(&dir);
        let file = dir.join("file");
        let missing = || Err(anyhow::anyhow!("not set up"));
        // From here on what is there is cleared away, whatever fails.
        let mut ground = Ground { dir, file, device: missing(), cached: missing() };
        ensure!(
            free(&ground.dir)? >= mib + IMAGE + SPARE,
            "{} MiB are needed beside {SPARE} that must stay free",
            mib + IMAGE
        );
        fill(&ground.file, mib, seed)?;
        ground.device = devices::attach(&ground.file, &["--read-only"]);
        ground.cached = journaled(&ground.dir, seed);
        for (what, made) in [("loop", &ground.device), ("cached", &ground.cached)] {
            if let Err(error) = made {
                println!("{what}: skipped: {error:#}");
            }
        }
        Ok(ground)
    }

    /// The devices that direct reads are made from, by their names.
    pub fn direct(&self) -> Vec<(&'static str, &Path)> {
        let device = self.device.as_ref().ok();
        let file = [("file", self.file.as_path())];
        file.into_iter().chain(device.map(|path| ("loop", path.as_path()))).collect()
    }

    /// What is known of them, as a list in markdown.
    pub fn describe(&self) -> String {
        let made = |made: &Result<PathBuf>| match made {
            Ok(path) => path.display().to_string(),
            Err(error) => format!("skipped: {error:#}"),
        };
        let size = fs::metadata(&self.file).map_or(0, |about| about.len() >> 20);
        let mut text = format!("* file: {size} MiB of noise on {}\n", devices::mounted(&self.file));
        text += &format!(
            "* loop: a loop device over that file, `--direct-io=on`: {}\n",
            made(&self.device)
        );
        text += &format!(
            "* cached: ext4 with `data=journal`, which has no direct I/O: {}\n",
            made(&self.cached)
        );
        for queue in glob_queues() {
            text += &format!("* {queue}\n");
        }
        text + "* What is below a virtual disk, and what the host keeps in memory of it, cannot be \
                seen from here: direct reads are cold for this system alone.\n"
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        clear(&self.dir);
    }
}

/// How the disks of this machine queue.
fn glob_queues() -> Vec<String> {
    let Ok(disks) = fs::read_dir("/sys/block") else { return Vec::new() };
    let of = |disk: PathBuf| -> Option<String> {
        let name = disk.file_name()?.to_str()?.to_owned();
        if !disk.join("device").exists() {
            return None;
        }
        let facts = ["scheduler", "nr_requests", "logical_block_size", "rotational", "write_cache"];
        let facts = facts.map(|fact| {
            let value = fs::read_to_string(disk.join("queue").join(fact)).unwrap_or_default();
            format!("{fact} {}", value.trim())
        });
        Some(format!("{name}: {}", facts.join(", ")))
    };
    disks.filter_map(|disk| of(disk.ok()?.path())).collect()
}

/// MiB that are free where a path is.
fn free(path: &Path) -> Result<u64> {
    let text = shell::read(Command::new("df").args(["--output=avail", "-m"]).arg(path))?;
    let last = text.lines().last().context("df says nothing")?;
    Ok(last.trim().parse()?)
}

/// Noise, so that nothing below finds blocks alike.
fn fill(path: &Path, mib: u64, seed: u64) -> Result<()> {
    let mut file =
        File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
    let mut random = Random(seed);
    for _ in 0..mib {
        file.write_all(&random.noise(1 << 20))?;
    }
    file.sync_all()?;
    Ok(())
}

/// A file of a file system that journals data, and so has no direct I/O.
fn journaled(dir: &Path, seed: u64) -> Result<PathBuf> {
    let (image, mounted) = (dir.join("image"), dir.join("mounted"));
    File::create(&image)?.set_len(IMAGE << 20)?;
    let journal = format!("size={JOURNAL}");
    shell::read(Command::new("mkfs.ext4").args(["-q", "-J", &journal]).arg(&image))?;
    let device = devices::attach(&image, &[])?;
    fs::create_dir_all(&mounted)?;
    devices::mount(&device, "data=journal", &mounted)?;
    let file = mounted.join("file");
    fill(&file, CACHED, seed)?;
    // Into the cache.
    std::io::copy(&mut File::open(&file)?, &mut std::io::sink())?;
    Ok(file)
}

/// Takes everything away that is there.
fn clear(dir: &Path) {
    let _ = Command::new("umount").arg(dir.join("mounted")).output();
    ["file", "image"].iter().for_each(|name| devices::detach(&dir.join(name)));
    let _ = fs::remove_dir_all(dir);
    let _ = fs::create_dir_all(dir);
}
