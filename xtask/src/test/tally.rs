//! How many tests passed, read from what cargo-nextest or `cargo test` printed.

/// Counts of tests; `skipped` holds ignored tests too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub passed: u64,
    pub failed: u64,
    pub skipped: u64,
}

impl Tally {
    /// One check that was not tried.
    pub const SKIPPED: Tally = Tally { passed: 0, failed: 0, skipped: 1 };

    /// One check that passed or failed.
    pub fn one(passed: bool) -> Tally {
        Tally { passed: passed.into(), failed: (!passed).into(), skipped: 0 }
    }

    /// Both together.
    pub fn plus(self, other: Tally) -> Tally {
        Tally {
            passed: self.passed + other.passed,
            failed: self.failed + other.failed,
            skipped: self.skipped + other.skipped,
        }
    }
}

/// Sums the summary lines of a runner's output. nextest has one, and shows those of libtest too
/// where a test failed: these are not counted again.
pub fn read(text: &str) -> Tally {
    let lines = || text.lines().map(str::trim_start);
    let sum = |tallies: &mut dyn Iterator<Item = Tally>| tallies.reduce(Tally::plus);
    sum(&mut lines().filter_map(nextest))
        .or_else(|| sum(&mut lines().filter_map(libtest)))
        .unwrap_or_default()
}

/// `Summary [   0.012s] 14 tests run: 12 passed, 2 failed, 0 skipped`
fn nextest(line: &str) -> Option<Tally> {
    Some(tally(line.strip_prefix("Summary [")?.split_once("run:")?.1))
}

/// `test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; ..`
fn libtest(line: &str) -> Option<Tally> {
    Some(tally(line.strip_prefix("test result:")?.split_once(". ")?.1))
}

fn tally(counts: &str) -> Tally {
    Tally {
        passed: count(counts, &["passed"]),
        failed: count(counts, &["failed", "timed out", "exec failed"]),
        skipped: count(counts, &["skipped", "ignored"]),
    }
}

/// The sum of the numbers before any of the words; parts are parted by commas or semicolons,
/// and may hold remarks in brackets: `12 passed (1 slow), 1 failed`.
fn count(counts: &str, words: &[&str]) -> u64 {
    let parts = counts.split([',', ';', '(', ')']).map(str::trim);
    let numbers = parts.filter_map(|part| {
        let (number, word) = part.split_once(' ')?;
        words.contains(&word).then(|| number.parse::<u64>().ok())?
    });
    numbers.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_runners_are_read_and_summed() {
        let libtest = "running 4 tests\n\
            test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished\n\
            test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; x";
        assert_eq!(read(libtest), Tally { passed: 4, failed: 2, skipped: 1 });
        let nextest = "────\n     Summary [   0.012s] 14 tests run: 12 passed (1 slow), 1 failed, \
            1 timed out, 5 skipped";
        let expected = Tally { passed: 12, failed: 2, skipped: 5 };
        assert_eq!(read(nextest), expected);
        assert_eq!(read(&format!("{libtest}\n{nextest}")), expected, "libtest's are within");
    }

    #[test]
    fn other_lines_count_nothing() {
        assert_eq!(
            read("12 passed, 0 failed, 1 skipped\nSummary of it: 3 passed"),
            Tally::default()
        );
    }
}
