//! Pressure: in how much of the time something waits for a CPU, for memory or for disks.
//!
//! Pressure stall information of the kernel (`Documentation/accounting/psi.rst`), where it is
//! compiled in and switched on: of the machine, and of control groups of version 2. The kernel
//! computes the mean anew each two seconds.

use super::groups::Groups;
use super::kernel_file::KernelFile;
use std::fs;
use std::path::Path;

/// Percent of the last ten seconds, about; of `cpu`, `memory` or `io`, of the whole machine.
pub(super) fn read(root: &Path, of: &str) -> Option<f64> {
    some_avg10(&fs::read_to_string(root.join("proc/pressure").join(of)).ok()?)
}

/// The pressure on the group of the process, or on the machine where no group tells its own.
#[derive(Debug)]
pub(super) struct Pressure(Vec<KernelFile>);

impl Pressure {
    pub fn new(root: &Path, groups: &Groups, of: &str) -> Self {
        let each = groups.unified.iter().map(|dir| dir.join(format!("{of}.pressure")));
        let there = each.filter(|file| file.exists());
        Self(there.chain([root.join("proc/pressure").join(of)]).map(KernelFile::at).collect())
    }

    /// Percent of the last ten seconds, about, by the first that tells it.
    pub fn read(&mut self) -> Option<f64> {
        self.0.iter_mut().find_map(|file| some_avg10(file.read()?))
    }
}

/// What the line about some tasks says, not all.
fn some_avg10(text: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix("some "))?;
    let value = line.split(' ').find_map(|pair| pair.strip_prefix("avg10="))?;
    value.parse().ok().filter(|percent| (0.0..=100.0).contains(percent))
}

#[cfg(test)]
mod tests {
    use super::super::fake::Root;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_mean_of_some_is_taken_and_nothing_else_for_it() {
        let whole = "some avg10=12.50 avg60=1.00 avg300=0.25 total=123\n\
                     full avg10=99.00 avg60=0.00 avg300=0.00 total=0\n";
        assert_eq!(some_avg10(whole), Some(12.5));
        for text in [
            "",
            "some",
            "some avg60=1.00",
            "full avg10=1.00",
            "some avg10=",
            "some avg10=NaN",
            "some avg10=-1",
            "some avg10=100.01",
            "some avg10=inf total=1",
        ] {
            assert_eq!(some_avg10(text), None, "{text:?}");
        }
    }

    #[test]
    fn the_nearest_group_that_tells_comes_before_the_machine() {
        let line = |percent: f64| format!("some avg10={percent} avg60=0 avg300=0 total=0\n");
        let root = Root::of(&[("proc/self/cgroup", "0::/a/b\n"), ("sys/fs/cgroup/a/b/x", "")]);
        let read = || Pressure::new(root.path(), &Groups::read(root.path()), "io").read();
        assert_eq!(read(), None);
        root.write("proc/pressure/io", line(1.0));
        assert_eq!(read(), Some(1.0));
        root.write("sys/fs/cgroup/a/io.pressure", line(2.0));
        assert_eq!(read(), Some(2.0));
        root.write("sys/fs/cgroup/a/b/io.pressure", line(3.0));
        assert_eq!(read(), Some(3.0));
        root.write("sys/fs/cgroup/a/b/io.pressure", "");
        assert_eq!(read(), Some(2.0), "as where it is switched off for the group");
    }

    proptest! {
        #[test]
        fn what_the_kernel_writes_is_read_and_nothing_panics(
            hundredths in 0..=10_000_u32,
            noise in ".{0,60}",
        ) {
            let percent = f64::from(hundredths) / 100.0;
            let text = format!("some avg10={percent:.2} avg60=0.00 avg300=0.00 total=1\n{noise}");
            prop_assert_eq!(some_avg10(&text), Some(percent));
            let read = some_avg10(&noise);
            prop_assert!(read.is_none_or(|percent| (0.0..=100.0).contains(&percent)));
        }
    }
}
