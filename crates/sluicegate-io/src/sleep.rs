//! For how long a thread slept, by what the kernel counts of it.
//!
//! Of the time that went by, a thread ran for some, waited for a processor for some, and slept for
//! the rest: in a lock, a read from the disk, a sleep. The kernel tells the first two.

use crate::resources::schedstat;
use std::cell::Cell;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

/// The sleep of the thread that made it.
pub(crate) struct Sleep {
    /// The thread's `schedstat`.
    stat: File,
    began: Instant,
    last: Cell<Seen>,
}

/// What was seen last.
#[derive(Clone, Copy)]
struct Seen {
    /// Time in which the thread did not run by its own clock, nor waited to.
    away: Duration,
    /// How often it was given a processor.
    runs: u64,
    slept: Duration,
}

impl Sleep {
    /// Begins to look at this thread. Nothing where the kernel does not tell.
    pub fn of_this_thread() -> Option<Self> {
        let stat = File::open("/proc/thread-self/schedstat").ok()?;
        let last = Cell::new(Seen { away: Duration::ZERO, runs: 0, slept: Duration::ZERO });
        let sleep = Self { stat, began: Instant::now(), last };
        let (away, runs) = sleep.look()?;
        sleep.last.set(Seen { away, runs, slept: Duration::ZERO });
        Some(sleep)
    }

    /// How long the thread has slept since then.
    pub fn so_far(&self) -> Option<Duration> {
        let (away, runs) = self.look()?;
        let mut seen = self.last.get();
        // A thread that never left its processor has not slept: a hypervisor took that away, or an
        // interrupt did.
        if runs != seen.runs {
            seen.slept += away.saturating_sub(seen.away);
        }
        self.last.set(Seen { away, runs, ..seen });
        Some(seen.slept)
    }

    /// The time away and how often the thread ran, seen at one moment: a thread that is taken off
    /// its processor meanwhile, as often when a call returns, looks again.
    fn look(&self) -> Option<(Duration, u64)> {
        for _ in 0..LOOKS {
            let begin = self.began.elapsed();
            let (known, runs) = self.known()?;
            let end = self.began.elapsed();
            if end - begin <= MOMENT {
                return Some(((end + ERA).saturating_sub(known), runs));
            }
        }
        None
    }

    /// For how long the thread ran or waited to, and how often it ran.
    fn known(&self) -> Option<(Duration, u64)> {
        let mut text = [0; 64];
        let len = self.stat.read_at(&mut text, 0).ok()?;
        let (waited, runs) = schedstat(std::str::from_utf8(&text[..len]).ok()?)?;
        Some((cpu_time()? + Duration::from_nanos(waited), runs))
    }
}

/// How much time of a processor this thread has used.
pub(crate) fn cpu_time() -> Option<Duration> {
    cpu_clock(libc::CLOCK_THREAD_CPUTIME_ID)
}

/// What a clock of processor time shows.
pub(crate) fn cpu_clock(clock: libc::clockid_t) -> Option<Duration> {
    let mut cpu = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // By the C library: valgrind, which runs programs on a machine of its own, hides the kernel's
    // vDSO from that, and not from a library that looks for it itself.
    // SAFETY: `cpu` is a timespec to write to, which lives as long as the call.
    let read = unsafe { libc::clock_gettime(clock, &raw mut cpu) };
    let (seconds, nanos) = (cpu.tv_sec.try_into().ok()?, cpu.tv_nsec.try_into().ok()?);
    (read == 0).then(|| Duration::new(seconds, nanos))
}

/// Within this time two readings are of one moment.
const MOMENT: Duration = Duration::from_micros(200);

/// How often is tried to read both in one.
const LOOKS: u32 = 4;

/// More than a thread can have run before it is looked at, so that what is left stays positive.
const ERA: Duration = Duration::from_secs(1 << 32);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::choice::{Asked, Choice};
    use crate::settings::Settings;
    use sluicegate::{Batch, Cx, Net, Stalled, from_fn, stage};
    use std::hint::black_box;
    use std::sync::mpsc::{SyncSender, channel, sync_channel};
    use std::sync::{Arc, Mutex};
    use std::thread;

    const WAIT: Duration = Duration::from_millis(30);

    fn slept_in(f: impl FnOnce()) -> Duration {
        let sleep = Sleep::of_this_thread().expect("the kernel tells");
        let before = sleep.so_far().unwrap();
        f();
        sleep.so_far().unwrap() - before
    }

    fn spin() {
        let began = Instant::now();
        while began.elapsed() < WAIT {
            black_box(0);
        }
    }

    #[test]
    #[cfg(debug_assertions)]
    fn a_handler_that_waits_for_a_lock_is_named_and_one_that_works_is_not() {
        const EVENTS: u64 = 4;
        let lock = Arc::new(Mutex::new(()));
        let (comes, coming): (SyncSender<()>, _) = sync_channel(0);
        let mut net = Net::new("locks");
        let choice = Choice::new(Asked::Auto).unwrap();
        let machine = move |_| Ok(choice.machine(Settings::default(), Arc::default())?);
        let cpu = net.domain("cpu").machine(machine).pinned(1);
        let its = Arc::clone(&lock);
        let locks = stage("locks", move || {
            let (lock, comes) = (Arc::clone(&its), comes.clone());
            from_fn(move |batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
                for event in batch {
                    comes.send(()).unwrap();
                    drop(lock.lock().unwrap());
                    comes.send(()).unwrap();
                    event.split().0.finish();
                }
            })
        });
        let locks = net.add(locks.on(cpu).batch(1));
        let works = stage("works", || {
            from_fn(|batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
                for event in batch {
                    spin();
                    event.split().0.finish();
                }
            })
        });
        let works = net.add(works.on(cpu).batch(1));
        let entries = [net.entry(locks.inlet), net.entry(works.inlet)];
        let (tell, told) = channel();
        net.on_stall(move |stall| tell.send(stall.clone()).unwrap());
        let running = net.run().unwrap();
        let (_never, nothing) = channel::<()>();
        for n in 0..EVENTS {
            entries[1].send(n).unwrap();
            let held = lock.lock().unwrap();
            entries[0].send(n).unwrap();
            coming.recv().unwrap();
            let _ = nothing.recv_timeout(WAIT);
            drop(held);
            coming.recv().unwrap();
        }
        let ledger = running.drain(Duration::from_secs(60)).ledger;
        assert_eq!(ledger.finished, 2 * EVENTS);
        let told: Vec<_> = told.try_iter().collect();
        let [stall] = &told[..] else { panic!("{told:?}") };
        assert_eq!((stall.what, &*stall.stage, stall.worker), (Stalled::Slept, "locks", 0));
    }

    #[test]
    fn who_waits_for_another_slept_and_who_works_did_not() {
        let (word, words) = channel::<()>();
        let slept = slept_in(|| {
            let _ = words.recv_timeout(WAIT);
        });
        drop(word);
        assert!(slept >= WAIT * 9 / 10, "{slept:?}");
        // As many threads as make some wait for a processor: that is no sleep.
        let others: Vec<_> = (0..8).map(|_| thread::spawn(spin)).collect();
        let slept = slept_in(spin);
        others.into_iter().for_each(|other| other.join().unwrap());
        assert!(slept < WAIT / 10, "{slept:?}");
    }
}
