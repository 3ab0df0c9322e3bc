//! Memory that the process shares with others: of the machine, and of its control groups as far as
//! they have a limit.
//!
//! What the kernel can take back at once, such as files that nobody used lately, is not in use.

use super::groups::Groups;
use super::kernel_file::KernelFile;
use std::fs;
use std::path::{Path, PathBuf};

/// The tightest of them.
#[derive(Debug)]
pub(super) struct SystemMemory {
    machine: KernelFile,
    groups: Vec<Group>,
}

/// A group that may have a limit, which may also change.
#[derive(Debug)]
struct Group {
    limit: KernelFile,
    usage: KernelFile,
    stat: KernelFile,
    /// What the kernel calls the part that it can take back.
    reclaimable: &'static str,
}

impl SystemMemory {
    pub fn new(root: &Path, groups: &Groups) -> Self {
        let one = |dir: &Path, [limit, usage]: [&str; 2], reclaimable| Group {
            limit: KernelFile::at(dir.join(limit)),
            usage: KernelFile::at(dir.join(usage)),
            stat: KernelFile::at(dir.join("memory.stat")),
            reclaimable,
        };
        let unified = groups.unified.iter().filter(|dir| dir.join(V2[0]).exists());
        let unified = unified.map(|dir| one(dir, V2, "inactive_file "));
        let memory = groups.memory.iter().map(|dir| one(dir, V1, "total_inactive_file "));
        let machine = KernelFile::at(root.join("proc/meminfo"));
        Self { machine, groups: unified.chain(memory).collect() }
    }

    /// How much of it is in use, from 0 to 1 and a little more; nothing where neither is told.
    pub fn read(&mut self) -> Option<f64> {
        let text = self.machine.read();
        let total = text.and_then(|text| meminfo(text, "MemTotal:")).filter(|total| *total > 0);
        let free = text.and_then(|text| meminfo(text, "MemAvailable:"));
        let machine = total.zip(free).map(|(total, free)| share(total.saturating_sub(free), total));
        // The endless number of version 1 is more than any machine has.
        let most = total.unwrap_or(u64::MAX >> 1);
        let groups = self.groups.iter_mut().filter_map(|group| group.used(most));
        groups.chain(machine).reduce(f64::max)
    }
}

impl Group {
    /// Of a limit below `most`; where there is none, nothing.
    fn used(&mut self, most: u64) -> Option<f64> {
        let limit = self.limit.read().and_then(number).filter(|limit| (1..most).contains(limit))?;
        let usage = self.usage.read().and_then(number)?;
        let stat = self.stat.read().unwrap_or_default();
        let lines = stat.lines().find_map(|line| line.strip_prefix(self.reclaimable));
        let reclaimable = lines.and_then(number).unwrap_or(0);
        Some(share(usage.saturating_sub(reclaimable), limit))
    }
}

/// The names of the files with the limit and the usage, by version.
const V1: [&str; 2] = ["memory.limit_in_bytes", "memory.usage_in_bytes"];
const V2: [&str; 2] = ["memory.max", "memory.current"];

/// Bytes of memory that the process may use, where nothing tells: enough for small caches.
const UNKNOWN: u64 = 1 << 30;

/// Bytes of memory that the process may use, in the file system that begins at `root`: the least
/// of the machine's memory and of the limits of its control groups, versions 1 and 2, with those
/// above them; 1 GiB where nothing tells.
pub fn memory_max(root: &Path) -> u64 {
    let text = fs::read_to_string(root.join("proc/meminfo")).unwrap_or_default();
    let machine = meminfo(&text, "MemTotal:").unwrap_or(UNKNOWN);
    let groups = Groups::read(root);
    let files = |dirs: Vec<PathBuf>, name| dirs.into_iter().map(move |dir| dir.join(name));
    let files = files(groups.unified, V2[0]).chain(files(groups.memory, V1[0]));
    let limits = files.filter_map(|file| number(&fs::read_to_string(file).ok()?));
    limits.fold(machine, u64::min)
}

/// Bytes in a line of `/proc/meminfo`.
fn meminfo(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim_end().parse().ok()?;
    kib.checked_mul(1024)
}

/// A number alone; nothing for "max", which is none.
fn number(text: &str) -> Option<u64> {
    text.trim().parse().ok()
}

fn share(used: u64, all: u64) -> f64 {
    used as f64 / all as f64
}

#[cfg(test)]
mod tests {
    use super::super::fake::Root;
    use super::*;
    use proptest::prelude::*;

    const MEMINFO: &str = "MemTotal:        8388608 kB\nMemFree: 1 kB\nMemAvailable: 6291456 kB\n";

    fn machine(files: &[(&str, &str)]) -> Root {
        let root = Root::of(files);
        root.write("proc/meminfo", MEMINFO);
        root
    }

    fn used(root: &Root) -> Option<f64> {
        SystemMemory::new(root.path(), &Groups::read(root.path())).read()
    }

    #[test]
    fn without_groups_the_machine_counts() {
        let root = machine(&[]);
        assert_eq!((memory_max(root.path()), used(&root)), (8 << 30, Some(0.25)));
        let none = Root::new();
        assert_eq!((memory_max(none.path()), used(&none)), (1 << 30, None));
    }

    #[test]
    fn the_least_limit_of_version_2_counts_and_the_group_that_is_fullest() {
        let root = machine(&[
            ("proc/self/cgroup", "0::/system.slice/site.service\n"),
            ("sys/fs/cgroup/system.slice/site.service/memory.max", "max\n"),
            ("sys/fs/cgroup/system.slice/site.service/memory.current", "1000\n"),
            ("sys/fs/cgroup/system.slice/memory.max", "2147483648\n"),
            ("sys/fs/cgroup/system.slice/memory.current", "2147483648\n"),
            ("sys/fs/cgroup/system.slice/memory.stat", "anon 1\ninactive_file 1073741824\n"),
        ]);
        assert_eq!((memory_max(root.path()), used(&root)), (2 << 30, Some(0.5)));
        root.write("sys/fs/cgroup/system.slice/memory.stat", "garbage");
        assert_eq!(used(&root), Some(1.0), "what is not known to be free is in use");
        root.write("sys/fs/cgroup/system.slice/memory.current", "garbage");
        assert_eq!(used(&root), Some(0.25), "the machine's is left");
    }

    #[test]
    fn version_1_is_read_and_its_endless_number_ignored() {
        let root = machine(&[
            ("proc/self/cgroup", "5:cpu:/a\n4:memory:/docker/abc\n1:name=systemd:/\n"),
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "67108864\n"),
            ("sys/fs/cgroup/memory/memory.usage_in_bytes", "50331648\n"),
            ("sys/fs/cgroup/memory/memory.stat", "inactive_file 9\ntotal_inactive_file 0\n"),
            ("sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes", "9223372036854771712\n"),
            ("sys/fs/cgroup/memory/docker/abc/memory.usage_in_bytes", "67108864\n"),
        ]);
        assert_eq!((memory_max(root.path()), used(&root)), (64 << 20, Some(0.75)));
    }

    #[test]
    fn a_limit_that_changes_is_seen_and_so_is_one_that_comes() {
        let dir = "sys/fs/cgroup/memory";
        let root = machine(&[
            ("proc/self/cgroup", "4:memory:/\n"),
            ("sys/fs/cgroup/memory/memory.usage_in_bytes", "1048576\n"),
        ]);
        let mut memory = SystemMemory::new(root.path(), &Groups::read(root.path()));
        assert_eq!(memory.read(), Some(0.25));
        for (limit, used) in [("2097152\n", 0.5), ("1310720", 0.8), ("-1", 0.25), ("0", 0.25)] {
            root.write(&format!("{dir}/memory.limit_in_bytes"), limit);
            assert_eq!(memory.read(), Some(used), "{limit}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        /// Files of any content give a number that can be used, or none.
        #[test]
        fn any_text_gives_a_share_or_nothing(
            texts in prop::collection::vec("([0-9]{0,20}|max|.{0,20})\n?", 4),
        ) {
            let root = Root::of(&[
                ("proc/self/cgroup", "0::/\n"),
                ("proc/meminfo", &format!("MemTotal: {} kB\nMemAvailable:{}", texts[0], texts[1])),
                ("sys/fs/cgroup/memory.max", &texts[2]),
                ("sys/fs/cgroup/memory.current", &texts[3]),
            ]);
            prop_assert!(used(&root).is_none_or(|used| used.is_finite() && used >= 0.0));
            let _ = memory_max(root.path());
        }
    }
}
