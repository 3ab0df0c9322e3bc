//! Sleeps: answers after `?ms=N` milliseconds, by a timer of the worker and without a thread.
use super::query::number;
use sluicegate::{Batch, Cx, Event, Out, Stage};
use sluicegate_http::{Exchange, Reply};
use std::collections::VecDeque;
use std::time::Duration;

/// The longest sleep, in milliseconds.
const SLEEP_MAX_MS: u64 = 60_000;
/// Sleepers of one worker; more are refused with 503. Half the requests that a worker lets in by
/// default, so that sleepers alone cannot fill the net.
const SLEEPERS_MAX: usize = 8192;

/// Holds the requests that sleep.
#[derive(Debug, Default)]
pub struct Sleep {
    beds: Vec<Option<Event<Exchange>>>,
    free: Vec<usize>,
    /// Awake, and waiting for room to be sent.
    awake: VecDeque<Event<Exchange>>,
}

impl Stage for Sleep {
    type In = Exchange;
    type Out = Out<Exchange>;

    fn handle(&mut self, mut batch: Batch<'_, Exchange>, cx: &mut Cx<'_, Out<Exchange>>) {
        while cx.out.room() > self.awake.len()
            && let Some(mut event) = batch.next()
        {
            match number(&event, "ms", SLEEP_MAX_MS) {
                Ok(ms) => self.lay_down(event, ms, cx),
                Err(reply) => {
                    event.reply(reply);
                    self.awake.push_back(event);
                }
            }
        }
        self.send(cx);
    }

    fn timer(&mut self, token: u64, cx: &mut Cx<'_, Out<Exchange>>) {
        let bed = token as usize;
        if let Some(event) = self.beds.get_mut(bed).and_then(Option::take) {
            self.free.push(bed);
            self.awake.push_back(event);
        }
        self.send(cx);
    }

    fn signal(&mut self, cx: &mut Cx<'_, Out<Exchange>>) {
        self.send(cx);
    }
}

impl Sleep {
    fn lay_down(&mut self, mut event: Event<Exchange>, ms: u64, cx: &mut Cx<'_, Out<Exchange>>) {
        let bed = self.free.pop().unwrap_or(self.beds.len());
        if bed == SLEEPERS_MAX {
            event.reply(Reply::plain(503).header("Retry-After", "1"));
            return self.awake.push_back(event);
        }
        event.reply(Reply::text(200, format!("slept {ms} ms\n")));
        cx.after(Duration::from_millis(ms), bed as u64);
        match self.beds.get_mut(bed) {
            Some(place) => *place = Some(event),
            None => self.beds.push(Some(event)),
        }
    }

    /// Sends those awake, as far as there is room; the rest when it has been delivered.
    fn send(&mut self, cx: &mut Cx<'_, Out<Exchange>>) {
        while cx.out.room() > 0
            && let Some(event) = self.awake.pop_front()
        {
            cx.out.emit(event);
        }
        if !self.awake.is_empty() {
            cx.again();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluicegate::Rig;

    fn ask(target: &str) -> Exchange {
        let text = format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n");
        Exchange::read(text.as_bytes()).expect("a plain request")
    }

    fn answers(rig: &mut Rig<Sleep>) -> Vec<(Vec<u8>, u16)> {
        let each = rig.out.take().into_iter().map(|event| {
            let (tag, exchange) = event.split();
            tag.finish();
            let status = exchange.replied().map_or(0, Reply::status);
            (exchange.raw_target().to_vec(), status)
        });
        each.collect()
    }

    #[test]
    fn the_shorter_sleep_ends_first() {
        let mut rig = Rig::of(Sleep::default());
        rig.feed([ask("/?ms=300"), ask("/?ms=100"), ask("/?ms=0"), ask("/?ms=x")]).batch(64);
        assert_eq!(answers(&mut rig), [(b"/?ms=x".to_vec(), 400)]);
        rig.advance(Duration::from_millis(150));
        assert_eq!(answers(&mut rig), [(b"/?ms=0".to_vec(), 200), (b"/?ms=100".to_vec(), 200)]);
        rig.advance(Duration::from_millis(200));
        assert_eq!(answers(&mut rig), [(b"/?ms=300".to_vec(), 200)]);
        assert_eq!(rig.ledger().ended.total(), 0);
    }

    #[test]
    fn beds_are_used_again_and_bounded() {
        let mut rig = Rig::of(Sleep::default());
        for _ in 0..3 {
            rig.feed((0..10).map(|_| ask("/?ms=5"))).batch(64);
            rig.advance(Duration::from_millis(10));
            assert_eq!(answers(&mut rig).len(), 10);
        }
        assert_eq!(rig.stage.beds.len(), 10);
        rig.feed((0..=SLEEPERS_MAX).map(|_| ask("/?ms=5"))).batch(usize::MAX);
        assert_eq!(answers(&mut rig), [(b"/?ms=5".to_vec(), 503)]);
        rig.advance(Duration::from_millis(10));
        assert_eq!(answers(&mut rig).len(), SLEEPERS_MAX);
    }
}
