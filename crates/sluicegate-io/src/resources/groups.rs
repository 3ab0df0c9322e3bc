//! Control groups of the process, versions 1 and 2: where their files are.
//!
//! In a container the path of a group is often that of the host, and only the mount's own files
//! are there, which are the container's: so all directories from the group up to the mount are
//! asked.

use std::fs;
use std::path::{Component, Path, PathBuf};

/// Groups within each other that are asked, the innermost first; more than any system nests.
const DEEP_MAX: usize = 32;
/// Where version 2 is mounted: alone, or beside version 1.
const UNIFIED: [&str; 2] = ["sys/fs/cgroup", "sys/fs/cgroup/unified"];

/// The directories that may have files of the process's groups, the innermost first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Groups {
    /// Of version 2, which has all controllers.
    pub unified: Vec<PathBuf>,
    /// Of version 1, for memory.
    pub memory: Vec<PathBuf>,
    /// Of version 1, for processors.
    pub cpu: Vec<PathBuf>,
}

impl Groups {
    /// Those of the process, in the file system that begins at `root`.
    pub fn read(root: &Path) -> Self {
        Self::of(root, &fs::read_to_string(root.join("proc/self/cgroup")).unwrap_or_default())
    }

    /// What `/proc/self/cgroup` says.
    fn of(root: &Path, text: &str) -> Self {
        let mut groups = Self::default();
        for (controllers, group) in text.lines().filter_map(member) {
            let under = |mount: &str| within(&root.join(mount), group);
            let has = |name| controllers.split(',').any(|controller| controller == name);
            if controllers.is_empty() {
                groups.unified.extend(UNIFIED.iter().flat_map(|mount| under(mount)));
            }
            if has("memory") {
                groups.memory.extend(under("sys/fs/cgroup/memory"));
            }
            if has("cpu") {
                groups.cpu.extend(under("sys/fs/cgroup/cpu"));
            }
        }
        for each in [&mut groups.unified, &mut groups.memory, &mut groups.cpu] {
            each.retain(|dir| dir.is_dir());
        }
        groups
    }
}

/// A line: the number of a hierarchy, its controllers, and the path of the group.
fn member(line: &str) -> Option<(&str, &str)> {
    let mut fields = line.splitn(3, ':');
    fields.next()?.parse::<u32>().ok()?;
    Some((fields.next()?, fields.next()?))
}

/// The directory of a group and those above it, up to the mount. Of a path that leads out of the
/// mount, as of a group outside of the namespace, nothing but the mount can be seen.
fn within(mount: &Path, group: &str) -> Vec<PathBuf> {
    let group = Path::new(group.trim_start_matches('/'));
    let inside = group.components().all(|part| matches!(part, Component::Normal(_)));
    let group = if inside { group } else { Path::new("") };
    group.ancestors().take(DEEP_MAX).map(|above| mount.join(above)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::fake::Root;
    use super::*;
    use proptest::prelude::*;

    fn dirs(root: &Root, dirs: &[&str]) -> Vec<PathBuf> {
        dirs.iter().map(|dir| root.path().join(dir)).collect()
    }

    #[test]
    fn the_groups_of_both_versions_are_found_with_those_above_them() {
        let root = Root::of(&[
            ("proc/self/cgroup", "9:name=systemd:/x\n4:memory:/a/b\n1:cpu,cpuacct:/c\n0::/d\n"),
            ("sys/fs/cgroup/memory/a/b/x", ""),
            ("sys/fs/cgroup/cpu/x", ""),
            ("sys/fs/cgroup/unified/d/x", ""),
        ]);
        let groups = Groups::read(root.path());
        let memory = ["sys/fs/cgroup/memory/a/b", "sys/fs/cgroup/memory/a", "sys/fs/cgroup/memory"];
        assert_eq!(groups.memory, dirs(&root, &memory));
        assert_eq!(groups.cpu, dirs(&root, &["sys/fs/cgroup/cpu"]), "that of the host is hidden");
        let unified = ["sys/fs/cgroup", "sys/fs/cgroup/unified/d", "sys/fs/cgroup/unified"];
        assert_eq!(groups.unified, dirs(&root, &unified));
        assert_eq!(Groups::read(Path::new("/nowhere")), Groups::default());
    }

    #[test]
    fn a_group_outside_of_the_namespace_is_seen_as_its_mount() {
        let root = Root::of(&[("sys/fs/cgroup/memory.max", "1"), ("sys/a/x", "")]);
        let groups = Groups::of(root.path(), "0::/../../a\n");
        assert_eq!(groups.unified, dirs(&root, &["sys/fs/cgroup"]));
    }

    proptest! {
        /// Whatever the text, directories are under the mounts, and none is asked without bound.
        #[test]
        fn any_text_stays_within_the_mounts(
            lines in prop::collection::vec("[0-9x]{0,12}:?[a-z,=]{0,12}:?[/.a]{0,24}", 0..6),
            noise in ".{0,40}",
        ) {
            let text = lines.join("\n") + &noise;
            for line in text.lines() {
                let Some((_, group)) = member(line) else { continue };
                let dirs = within(Path::new("/m"), group);
                prop_assert!(!dirs.is_empty() && dirs.len() <= DEEP_MAX);
                for dir in dirs {
                    let inside = dir.components().all(|part| part != Component::ParentDir);
                    prop_assert!(inside && dir.starts_with("/m"), "{:?}", dir);
                }
            }
        }
    }
}
