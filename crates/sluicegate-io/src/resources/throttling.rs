//! Throttling: in how many periods a control group was stopped because it had used up its time.
//!
//! The kernel counts both where a group has a quota (`cpu.max`, or `cpu.cfs_quota_us`), in the
//! file `cpu.stat` of either version.

use super::groups::Groups;
use super::kernel_file::KernelFile;
use sluicegate::Time;
use std::time::Duration;

/// The time over which the mean is taken, about.
const OVER: Duration = Duration::from_secs(5);

/// Of the process's groups that which is throttled most.
#[derive(Debug)]
pub(super) struct Throttling {
    groups: Vec<Group>,
    looked: Time,
}

#[derive(Debug)]
struct Group {
    file: KernelFile,
    /// Periods, and those among them in which the group was throttled.
    last: Option<(u64, u64)>,
    mean: f64,
}

impl Throttling {
    pub fn new(groups: &Groups) -> Self {
        let each = groups.unified.iter().chain(&groups.cpu).map(|dir| dir.join("cpu.stat"));
        let groups = each.filter(|file| file.exists()).map(|file| Group {
            file: KernelFile::at(file),
            last: None,
            mean: 0.0,
        });
        Self { groups: groups.collect(), looked: Time(0) }
    }

    /// The share of the periods lately; nothing where no group counts them.
    pub fn look(&mut self, now: Time) -> Option<f64> {
        let weight = 1.0 - (-now.since(self.looked).as_secs_f64() / OVER.as_secs_f64()).exp();
        self.looked = now;
        self.groups.iter_mut().filter_map(|group| group.look(weight)).reduce(f64::max)
    }
}

impl Group {
    fn look(&mut self, weight: f64) -> Option<f64> {
        let seen = self.file.read().and_then(periods)?;
        let last = self.last.replace(seen).unwrap_or(seen);
        let periods = seen.0.saturating_sub(last.0);
        let throttled = seen.1.saturating_sub(last.1).min(periods);
        // Without a quota no period passes, nor for a group that has nothing to do.
        let share = if periods == 0 { 0.0 } else { throttled as f64 / periods as f64 };
        self.mean += (share - self.mean) * weight;
        Some(self.mean)
    }
}

/// What `cpu.stat` says of periods: all, and those in which it was throttled.
fn periods(text: &str) -> Option<(u64, u64)> {
    let count = |name| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.strip_prefix(' ')?.parse().ok()
    };
    Some((count("nr_periods")?, count("nr_throttled")?))
}

#[cfg(test)]
mod tests {
    use super::super::fake::Root;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_group_that_is_throttled_most_counts_and_what_was_before_does_not() {
        let root = Root::of(&[
            ("proc/self/cgroup", "1:cpu:/a\n0::/b\n"),
            ("sys/fs/cgroup/cpu/a/cpu.stat", "nr_periods 100\nnr_throttled 100\n"),
            ("sys/fs/cgroup/b/cpu.stat", "usage_usec 1\nnr_periods 10\nnr_throttled 0\n"),
            ("sys/fs/cgroup/cpu.stat", "usage_usec 1\n"),
        ]);
        let mut throttling = Throttling::new(&Groups::read(root.path()));
        let mut at = |s: u64| throttling.look(Time(s * 1_000_000_000));
        assert_eq!(at(1), Some(0.0));
        root.write("sys/fs/cgroup/cpu/a/cpu.stat", "nr_periods 200\nnr_throttled 150\n");
        let long_after = at(101).expect("two groups count");
        assert!((long_after - 0.5).abs() < 1e-6, "{long_after}");
        root.write("sys/fs/cgroup/b/cpu.stat", "nr_periods 20\nnr_throttled 10\n");
        let other = at(102).expect("two groups count");
        assert!((0.4..0.5).contains(&other), "a second weighs little: {other}");
        let idle = at(500).expect("two groups count");
        assert!(idle < 1e-6, "{idle}");
        assert_eq!(Throttling::new(&Groups::default()).look(Time(1)), None);
    }

    proptest! {
        #[test]
        fn counts_are_read_in_any_place_and_nothing_panics(
            all in any::<u64>(), throttled in any::<u64>(), noise in ".{0,60}",
        ) {
            let text = format!("nr_bursts 3\nnr_throttled {throttled}\nnr_periods {all}\n{noise}");
            prop_assert_eq!(periods(&text), Some((all, throttled)));
            let _ = periods(&noise);
            prop_assert_eq!(periods(&format!("nr_periods {all}\nnr_throttled_x 1")), None);
        }
    }
}
