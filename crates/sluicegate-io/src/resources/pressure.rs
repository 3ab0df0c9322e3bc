//! Pressure: in how much of the time something waits for a CPU, for memory or for disks.
//!
//! Pressure stall information of the kernel (`Documentation/accounting/psi.rst`), where it is
//! compiled in and switched on.

use std::fs;
use std::path::Path;

/// Percent of the last ten seconds, about; of `cpu`, `memory` or `io`.
pub(super) fn read(root: &Path, of: &str) -> Option<f64> {
    some_avg10(&fs::read_to_string(root.join("proc/pressure").join(of)).ok()?)
}

/// What the line about some tasks says, not all.
fn some_avg10(text: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix("some "))?;
    let value = line.split(' ').find_map(|pair| pair.strip_prefix("avg10="))?;
    value.parse().ok().filter(|percent| (0.0..=100.0).contains(percent))
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
