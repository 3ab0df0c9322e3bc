//! Tasks as threads, each with pread(2) into memory of its own.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, PoisonError, RwLock};
use std::thread::{Builder, JoinHandle};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use rustix::fs::OFlags;
use sluicegate::sim::Random;
use sluicegate_io::{Device, PAGE};

use crate::Figures;
use crate::flows::BYTES;
use crate::measure::measure;
use crate::meter::Meter;

/// The least that the system gives.
const STACK: usize = 16 << 10;

/// What all threads share.
struct Shared {
    file: File,
    places: u64,
    seed: u64,
    meter: Meter,
    /// Kept while threads are made: else those that are there would leave no processor to it.
    gate: RwLock<()>,
    over: AtomicBool,
}

/// So many tasks, for so many seconds.
pub fn run(tasks: usize, path: &str, seconds: f64, seed: u64) -> Result<Figures> {
    // It is read as the flows read it: around the buffer cache where that is possible.
    let device = Device::open(path)?;
    let mut options = OpenOptions::new();
    if device.why_buffered().is_none() {
        options.custom_flags(OFlags::DIRECT.bits() as i32);
    }
    let file = options.read(true).open(path).with_context(|| format!("cannot open {path}"))?;
    let (places, over) = (device.len() / BYTES, AtomicBool::new(false));
    let (meter, gate) = (Meter::default(), RwLock::new(()));
    let shared = Arc::new(Shared { file, places, seed, meter, gate, over });
    let start = |n| -> Result<JoinHandle<bool>> {
        let own = Arc::clone(&shared);
        let builder = Builder::new().stack_size(STACK);
        builder.spawn(move || read(n, &own)).with_context(|| format!("no thread beyond {n}"))
    };
    let kept = shared.gate.write().unwrap_or_else(PoisonError::into_inner);
    let threads: Result<Vec<JoinHandle<bool>>> = (0..tasks).map(start).collect();
    drop(kept);
    let figures = match &threads {
        Ok(_) => measure(&shared.meter, tasks, seconds),
        Err(_) => Ok(Figures::new()),
    };
    shared.over.store(true, Relaxed);
    let ended: Vec<bool> = threads?.into_iter().map(|t| t.join().unwrap_or(false)).collect();
    ensure!(ended.into_iter().all(|well| well), "a read failed or was short");
    figures
}

/// Reads until it is over; whether all went well.
fn read(n: usize, shared: &Shared) -> bool {
    let mut random = Random::stream(shared.seed, n as u64);
    let mut memory = vec![0; BYTES as usize + PAGE];
    // Direct reads want whole pages.
    let skip = memory.as_ptr().align_offset(PAGE);
    let buffer = &mut memory[skip..skip + BYTES as usize];
    drop(shared.gate.read().unwrap_or_else(PoisonError::into_inner));
    let mut last = Instant::now();
    while !shared.over.load(Relaxed) {
        let offset = random.next_u64() % shared.places * BYTES;
        if !shared.file.read_at(buffer, offset).is_ok_and(|bytes| bytes == BYTES as usize) {
            return false;
        }
        // From one answer to the next, so that waiting for a processor counts.
        let now = Instant::now();
        shared.meter.count(n, (now - last).as_nanos() as u64);
        last = now;
    }
    true
}
