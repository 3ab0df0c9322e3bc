//! A disk that is slowed alike for every server, and the memory each may use: a file system of our
//! own on a loop device, and control groups of the first version.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::devices;
use crate::shell;

/// Where groups of the first version are.
const BLKIO: &str = "/sys/fs/cgroup/blkio";
const MEMORY: &str = "/sys/fs/cgroup/memory";
/// The name of ours.
const NAME: &str = "sluicegate-bench";
/// How often a group that is to go is tried to be removed, and the pause between.
const TRIES: usize = 50;
const PAUSE: Duration = Duration::from_millis(20);

/// A mounted file system, the group that slows its device, and that which bounds memory.
pub struct Brake {
    image: PathBuf,
    pub mounted: PathBuf,
    device: PathBuf,
    slowed: PathBuf,
    bounded: PathBuf,
}

impl Brake {
    /// Whether this machine lets us; else why not.
    pub fn is_possible() -> Result<()> {
        for group in [BLKIO, MEMORY] {
            let group = Path::new(group);
            ensure!(group.join("tasks").exists(), "{} is not there", group.display());
        }
        ensure!(rustix::process::geteuid().is_root(), "control groups and mounts need root");
        for program in ["mkfs.ext4", "losetup"] {
            ensure!(shell::which(program).is_some(), "{program} is not installed");
        }
        Ok(())
    }

    /// An empty file system of so many MiB, whose files `fill` makes.
    pub fn prepare(mib: u64, fill: impl FnOnce(&Path) -> Result<()>) -> Result<Brake> {
        let home = shell::scratch("brake")?;
        let (image, mounted) = (home.join("image"), home.join("mounted"));
        let group = |of: &str| Path::new(of).join(NAME);
        let (slowed, bounded) = (group(BLKIO), group(MEMORY));
        let device = PathBuf::new();
        let mut brake = Brake { image, mounted, device, slowed, bounded };
        brake.clear();
        for dir in [&brake.mounted, &brake.slowed, &brake.bounded] {
            fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
        }
        File::create(&brake.image)?.set_len(mib << 20)?;
        let mut make = Command::new("mkfs.ext4");
        shell::read(make.args(["-q", "-E", "lazy_itable_init=0"]).arg(&brake.image))?;
        brake.device = devices::attach(&brake.image, &[])?;
        brake.mount()?;
        fill(&brake.mounted)?;
        Ok(brake)
    }

    /// Mounts it anew, so that nothing of it is in memory.
    pub fn cool(&self) -> Result<()> {
        shell::read(Command::new("umount").arg(&self.mounted))?;
        self.mount()
    }

    fn mount(&self) -> Result<()> {
        devices::mount(&self.device, "noatime", &self.mounted)
    }

    /// The groups that a server is to be in, which may use so many bytes, cached files with them.
    pub fn groups(&self, memory: u64) -> Result<[&Path; 2]> {
        fs::write(self.bounded.join("memory.limit_in_bytes"), memory.to_string())?;
        Ok([&self.slowed, &self.bounded])
    }

    /// Lets the servers of the group read at most so many bytes a second; none: as fast as it goes.
    pub fn slow(&self, rate: Option<u64>) -> Result<()> {
        let name = self.name()?;
        let number = fs::read_to_string(format!("/sys/block/{name}/dev"))?;
        let line = format!("{} {}", number.trim(), rate.unwrap_or(0));
        fs::write(self.slowed.join("blkio.throttle.read_bps_device"), line)?;
        Ok(())
    }

    /// Bytes read from the device so far.
    pub fn read(&self) -> Result<u64> {
        let text = fs::read_to_string(format!("/sys/block/{}/stat", self.name()?))?;
        let sectors = text.split_whitespace().nth(2).context("a device without its counters")?;
        Ok(sectors.parse::<u64>()? * 512)
    }

    /// Processes of the groups that were killed as they wanted more memory, so far.
    pub fn killed(&self) -> Result<u64> {
        let text = fs::read_to_string(self.bounded.join("memory.oom_control"))?;
        let killed = text.lines().find_map(|line| line.strip_prefix("oom_kill "));
        Ok(killed.context("the kernel does not count who is killed")?.parse()?)
    }

    /// What it is, as a list in markdown.
    pub fn describe(&self) -> String {
        let name = self.name().unwrap_or("unknown").to_owned();
        let block = |fact: &str| {
            let path = format!("/sys/block/{name}/queue/{fact}");
            fs::read_to_string(path).map_or("unknown".into(), |text| text.trim().to_owned())
        };
        format!(
            "* {} over a file, `losetup --direct-io=on`; logical blocks of {} bytes (what direct \
             reads are aligned to), physical {}, scheduler {}, read-ahead {} KiB\n* slowed by \
             `blkio.throttle.read_bps_device`, memory bounded by `memory.limit_in_bytes`, both \
             of control groups of the first version\n",
            devices::mounted(&self.mounted),
            block("logical_block_size"),
            block("physical_block_size"),
            block("scheduler"),
            block("read_ahead_kb"),
        )
    }

    fn name(&self) -> Result<&str> {
        self.device.file_name().and_then(|name| name.to_str()).context("a device has a name")
    }

    /// Takes everything away that is there, also what a run that was killed left.
    fn clear(&self) {
        let _ = Command::new("umount").arg(&self.mounted).output();
        devices::detach(&self.image);
        let _ = fs::remove_file(&self.image);
        for group in [&self.slowed, &self.bounded] {
            // The kernel lets go of the processes that ended a little later.
            for _ in 0..TRIES {
                if fs::remove_dir(group).is_ok() || !group.exists() {
                    break;
                }
                thread::sleep(PAUSE);
            }
        }
    }
}

impl Drop for Brake {
    fn drop(&mut self) {
        self.clear();
    }
}
