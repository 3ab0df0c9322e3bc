//! How much memory the process may use: the machine's, or less where a control group says so.
use std::fs;
use std::path::{Path, PathBuf};

/// The cache takes this part of memory ...
const SHARE: u64 = 4;
/// ... and never more than this many bytes, unless a setting says so.
const SHARE_MAX: u64 = 1 << 30;

/// The default budget of the cache on a machine with `memory` bytes.
pub fn share(memory: u64) -> u64 {
    (memory / SHARE).min(SHARE_MAX)
}

/// Bytes of memory that this process may use.
pub fn available() -> u64 {
    under(Path::new("/"))
}

/// The same for a file system that begins at `root`: the least of the machine's memory and of
/// the limits of the process's control groups, versions 1 and 2, with those above them.
fn under(root: &Path) -> u64 {
    let machine = meminfo(root).unwrap_or(SHARE_MAX);
    group_files(root).iter().filter_map(|file| limit(file)).fold(machine, u64::min)
}

fn meminfo(root: &Path) -> Option<u64> {
    let text = fs::read_to_string(root.join("proc/meminfo")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

/// The files that hold limits. In a container the path of the group is often that of the host:
/// then only the mount's own file is there, and that is the container's.
fn group_files(root: &Path) -> Vec<PathBuf> {
    let groups = fs::read_to_string(root.join("proc/self/cgroup")).unwrap_or_default();
    let mut files = Vec::new();
    for line in groups.lines() {
        let mut parts = line.splitn(3, ':');
        let (Some(_), Some(controllers), Some(path)) = (parts.next(), parts.next(), parts.next())
        else {
            continue;
        };
        let (mount, name) = if controllers.is_empty() {
            ("sys/fs/cgroup", "memory.max")
        } else if controllers.split(',').any(|controller| controller == "memory") {
            ("sys/fs/cgroup/memory", "memory.limit_in_bytes")
        } else {
            continue;
        };
        for group in Path::new(path.trim_start_matches('/')).ancestors() {
            files.push(root.join(mount).join(group).join(name));
        }
    }
    files
}

/// The limit in a file; nothing where there is none ("max", or a number that means it).
fn limit(file: &Path) -> Option<u64> {
    fs::read_to_string(file).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;

    fn machine(files: &[(&str, &str)]) -> Scratch {
        let scratch = Scratch::new();
        scratch.write("proc/meminfo", "MemTotal:        8388608 kB\nMemFree: 1 kB\n");
        for (path, text) in files {
            scratch.write(path, text);
        }
        scratch
    }

    #[test]
    fn without_groups_the_machine_counts() {
        assert_eq!(under(machine(&[]).path()), 8 << 30);
    }

    #[test]
    fn the_least_limit_of_version_2_counts() {
        let scratch = machine(&[
            ("proc/self/cgroup", "0::/system.slice/site.service\n"),
            ("sys/fs/cgroup/system.slice/site.service/memory.max", "max\n"),
            ("sys/fs/cgroup/system.slice/memory.max", "2147483648\n"),
        ]);
        assert_eq!(under(scratch.path()), 2 << 30);
    }

    #[test]
    fn version_1_is_read_and_its_endless_number_ignored() {
        let groups = "5:cpu:/a\n4:memory:/docker/abc\n1:name=systemd:/\n";
        let scratch = machine(&[
            ("proc/self/cgroup", groups),
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "67108864\n"),
            ("sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes", "9223372036854771712\n"),
        ]);
        assert_eq!(under(scratch.path()), 64 << 20);
    }

    #[test]
    fn the_share_is_a_quarter_and_at_most_a_gibibyte() {
        assert_eq!(share(1 << 30), 256 << 20);
        assert_eq!(share(64 << 30), 1 << 30);
    }

    #[test]
    fn this_machine_has_some() {
        assert!(available() > 1 << 20);
    }
}
