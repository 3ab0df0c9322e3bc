//! What the threads of a pool wait in, with a look at what they use.

use crate::sleep::cpu_time;
use sluicegate::{Machine, Park, Raised, Time, Wait, Waker};
use std::time::Duration;

/// A machine without an outside, as [`Park`] is, that tells how much time of a processor its
/// thread has used, which the kernel of the project cannot ask: for the domains of a net that do
/// no network.
///
/// ```
/// use sluicegate_io::ThreadPark;
///
/// let mut net = sluicegate::Net::new("files");
/// let disk = net.domain("disk").machine(|_| Ok(ThreadPark::default())).pool(4);
/// ```
#[derive(Default)]
pub struct ThreadPark(Park);

impl Machine for ThreadPark {
    fn poll(&mut self, now: Time, wait: Wait, raised: &mut Raised) {
        self.0.poll(now, wait, raised);
    }

    fn waker(&self) -> Waker {
        self.0.waker()
    }

    fn cpu_time(&self) -> Option<Duration> {
        cpu_time()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluicegate::{Batch, Cx, Net, from_fn, stage};
    use std::hint::black_box;
    use std::time::Instant;

    #[test]
    fn a_worker_tells_what_its_thread_has_used() {
        const SPIN: Duration = Duration::from_millis(20);
        let mut net = Net::new("spins");
        let pool = net.domain("pool").machine(|_| Ok(ThreadPark::default())).pool(1);
        let spin = || {
            from_fn(|batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
                for event in batch {
                    let before = cpu_time().unwrap();
                    while cpu_time().unwrap() - before < SPIN {
                        black_box(0);
                    }
                    event.split().0.finish();
                }
            })
        };
        let spin = net.add(stage("spin", spin).on(pool));
        let entry = net.entry(spin.inlet);
        let running = net.run().unwrap();
        entry.send(1).unwrap();
        let observer = running.observer();
        let since = Instant::now();
        let worker = loop {
            let net = observer.snapshot();
            assert!(since.elapsed() < Duration::from_secs(60), "{net:?}");
            if net.ledger.finished == 1 {
                break net.workers[0].clone();
            }
        };
        let used = worker.cpu.expect("the machine tells");
        assert!(used >= SPIN, "{worker:?}");
        assert!(worker.busy >= SPIN, "a thread cannot use more than goes by: {worker:?}");
    }
}
