//! Burns CPU: `?us=N` microseconds of it on the thread that runs the stage, or under overload as
//! little as the `&least=N` of the request.
use super::query::{number, number_or};
use rustix::time::{ClockId, clock_gettime};
use sluicegate::{Batch, Cx, Out, Stage};
use sluicegate_http::{Exchange, Head, Reply};
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

impl Burn {
    /// Burns what a request asks for, at this quality.
    fn burn(&self, head: &Head, quality: f64) -> Result<Reply, Reply> {
        let us = number(head, "us", BURN_MAX_US)?;
        let least = number_or(head, "least", us, us)?;
        let burnt = ((us as f64 * quality) as u64).max(least);
        (self.spend)(Duration::from_micros(burnt));
        let of = if burnt < us { format!(" of {us} us") } else { String::new() };
        Ok(Reply::text(200, format!("burnt {burnt} us{of}\n")))
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
            let reply = self.burn(&event, cx.quality()).unwrap_or_else(|reply| reply);
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
    use sluicegate_http::Body;
    use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

    fn ask(target: &str) -> Exchange {
        let text = format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n");
        Exchange::read(text.as_bytes()).expect("a plain request")
    }

    #[test]
    fn who_can_do_with_less_gets_less_under_overload() {
        let spent = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&spent);
        let spend = move |span: Duration| count.store(span.as_micros() as u64, Relaxed);
        let mut rig = Rig::of(Burn::new(Arc::new(spend)));
        for (quality, query, us, said) in [
            (1.0, "us=1000&least=100", 1000, "burnt 1000 us\n"),
            (0.5, "us=1000&least=100", 500, "burnt 500 us of 1000 us\n"),
            (0.01, "us=1000&least=100", 100, "burnt 100 us of 1000 us\n"),
            (0.01, "us=1000", 1000, "burnt 1000 us\n"),
            (
                0.01,
                "us=100&least=101",
                0,
                "`least` is \"101\"; accepted: ?least=N, N from 0 to 100\n",
            ),
        ] {
            spent.store(0, Relaxed);
            rig.set_quality(quality);
            rig.feed([ask(&format!("/burn?{query}"))]).batch(1);
            let (tag, exchange) = rig.out.take().remove(0).split();
            tag.finish();
            let Some(Body::Bytes(body)) = exchange.replied().map(Reply::body) else {
                panic!("no text")
            };
            assert_eq!((spent.load(Relaxed), &body[..]), (us, said.as_bytes()), "{query}");
        }
    }

    #[test]
    fn so_much_is_burnt_and_not_less() {
        let mut rig = Rig::of(Burn::new(Arc::new(burn)));
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
