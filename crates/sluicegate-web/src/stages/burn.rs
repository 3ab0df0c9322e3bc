//! Burns CPU: `?us=N` microseconds of it on the thread that runs the stage.
use super::query::number;
use rustix::time::{ClockId, clock_gettime};
use sluicegate::{Batch, Cx, Out, Stage};
use sluicegate_http::{Exchange, Reply};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Uses up so much CPU time of the thread: [`burn`], or something in virtual time.
pub type Spend = Arc<dyn Fn(Duration) + Send + Sync>;

/// The most microseconds for one request: ten seconds.
const BURN_MAX_US: u64 = 10_000_000;

/// On a worker it delays all that the worker does; in a pool one of its threads.
pub struct Burn {
    spend: Spend,
}

impl Burn {
    /// Burns by `spend`.
    pub fn new(spend: Spend) -> Burn {
        Burn { spend }
    }
}

impl fmt::Debug for Burn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Burn").finish_non_exhaustive()
    }
}

impl Stage for Burn {
    type In = Exchange;
    type Out = Out<Exchange>;

    fn handle(&mut self, batch: Batch<'_, Exchange>, cx: &mut Cx<'_, Out<Exchange>>) {
        for mut event in batch {
            let reply = match number(&event, "us", BURN_MAX_US) {
                Ok(us) => {
                    (self.spend)(Duration::from_micros(us));
                    Reply::text(200, format!("burnt {us} us\n"))
                }
                Err(reply) => reply,
            };
            event.reply(reply);
            cx.out.emit(event);
        }
    }
}

/// Spins until the thread has used so much CPU; time in which it did not run does not count.
pub fn burn(span: Duration) {
    let end = used() + span;
    while used() < end {
        std::hint::spin_loop();
    }
}

/// CPU time of this thread.
fn used() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    // The kernel counts up from zero, and nanoseconds to below a second.
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluicegate::Rig;

    #[test]
    fn so_much_is_burnt_and_not_less() {
        let mut rig = Rig::of(Burn::new(Arc::new(burn)));
        let ask = |target: &str| {
            let text = format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n");
            Exchange::read(text.as_bytes()).expect("a plain request")
        };
        let before = used();
        rig.feed([ask("/burn?us=3000"), ask("/burn?us=x")]).batch(64);
        assert!(used() - before >= Duration::from_micros(3000));
        let statuses = rig.out.take().into_iter().map(|event| {
            let (tag, exchange) = event.split();
            tag.finish();
            exchange.replied().map(Reply::status)
        });
        assert_eq!(statuses.collect::<Vec<_>>(), [Some(200), Some(400)]);
    }
}
