//! What a stretch of reading was: reads a second, times, processor time, memory.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::time::{ClockId, clock_gettime};

use crate::Figures;
use crate::meter::{Counted, Meter};

/// So long it waits at most for each task to have been answered once.
const PATIENCE: f64 = 60.0;
const GLANCE: f64 = 0.01;

/// One look at what is measured.
struct Look {
    at: Instant,
    cpu: f64,
    counted: Counted,
}

impl Look {
    fn at(meter: &Meter) -> Self {
        Self { at: Instant::now(), cpu: cpu(), counted: meter.counted() }
    }
}

/// Waits until each task was answered once, then measures for so many seconds, and until as many
/// answers came as there are tasks.
pub fn measure(meter: &Meter, tasks: usize, seconds: f64) -> Result<Figures> {
    measure_with(meter, tasks, seconds, || ())
}

/// The same; calls `begin` when what is measured begins.
pub fn measure_with(
    meter: &Meter,
    tasks: usize,
    seconds: f64,
    begin: impl FnOnce(),
) -> Result<Figures> {
    await_reads(meter, tasks as u64);
    wait(seconds / 4.0);
    begin();
    let before = Look::at(meter);
    wait(seconds);
    await_reads(meter, before.counted.reads() + tasks as u64);
    let after = Look::at(meter);
    let counted = after.counted.since(&before.counted);
    let (reads, took) = (counted.reads() as f64, (after.at - before.at).as_secs_f64());
    Ok(vec![
        ("per_second", reads / took),
        ("cpu_us", (after.cpu - before.cpu) * 1e6 / reads),
        ("mean_us", counted.mean_us()),
        ("p99_us", counted.quantile_us(0.99)),
        ("longest_us", counted.quantile_us(1.0)),
        ("rss_kib", rss_kib()?),
    ])
}

fn await_reads(meter: &Meter, reads: u64) {
    let begun = Instant::now();
    while meter.counted().reads() < reads && begun.elapsed().as_secs_f64() < PATIENCE {
        wait(GLANCE);
    }
}

/// Waits so long.
fn wait(seconds: f64) {
    let end = Instant::now() + Duration::from_secs_f64(seconds);
    loop {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        std::thread::park_timeout(left);
    }
}

/// Processor time of all threads of this process, those that the kernel starts for its ring too.
fn cpu() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

fn rss_kib() -> Result<f64> {
    let text = fs::read_to_string("/proc/self/status")?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    let word = line.split_whitespace().next().context("VmRSS is empty")?;
    Ok(word.parse()?)
}
