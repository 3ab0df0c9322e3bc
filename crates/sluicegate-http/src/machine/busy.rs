//! The answer to who is refused for want of time or room: made ahead, so that a refusal formats
//! nothing, and with a time to come again that spreads clients out.

use std::ops::RangeInclusive;

use bytes::Bytes;

use crate::reply::{Body, Reply, prebuild};
use crate::status::reason;

/// Seconds after which who was refused is to come again, one of them drawn for each: clients that
/// were refused together would else come back together.
pub const RETRY_AFTER: RangeInclusive<u32> = 1..=3;

/// Where the numbers drawn begin. The same for all workers, as who is answered by which one is
/// chance enough.
const SEED: u64 = 0x9e37_79b9_7f4a_7c15;

/// The answers with one status, 503 or 429, one for each time to come again.
pub(crate) struct Busy {
    status: u16,
    variants: Vec<Variant>,
    random: u64,
}

struct Variant {
    seconds: String,
    head: Bytes,
}

impl Busy {
    pub fn new(status: u16) -> Self {
        let variant = |seconds: u32| {
            let (seconds, len) = (seconds.to_string(), reason(status).len() as u64);
            let media = ("Content-Type", "text/plain; charset=utf-8");
            let head = prebuild(status, &[media, ("Retry-After", &seconds)], Some(len));
            Variant { seconds, head }
        };
        Self { status, variants: RETRY_AFTER.map(variant).collect(), random: SEED }
    }

    /// The next answer: this page, which may say itself when to come again, or the reason phrase.
    pub fn reply(&mut self, page: Option<Reply>) -> Reply {
        let status = self.status;
        let Variant { seconds, head } = self.draw();
        match page {
            Some(page) if page.has("Retry-After") => page,
            Some(page) => page.header("Retry-After", seconds),
            None => {
                let body = Body::Bytes(Bytes::from_static(reason(status).as_bytes()));
                Reply::prebuilt(status, head.clone(), body)
            }
        }
    }

    fn draw(&mut self) -> &Variant {
        // xorshift64*
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        let mixed = self.random.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32;
        &self.variants[(mixed % self.variants.len() as u64) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(reply: &Reply) -> u32 {
        let lines = reply.lines();
        let value = lines.lines().find_map(|line| line.strip_prefix("Retry-After: "));
        value.expect("it says when").parse().expect("whole seconds")
    }

    #[test]
    fn clients_are_spread_evenly_over_the_bounds() {
        for (status, len) in [(503, 19), (429, 17)] {
            let mut busy = Busy::new(status);
            let mut counts = [0; 3];
            for _ in 0..3000 {
                let reply = busy.reply(None);
                counts[(seconds(&reply) - RETRY_AFTER.start()) as usize] += 1;
                assert_eq!((reply.status(), reply.body().len()), (status, len));
            }
            assert!(counts.iter().all(|n| (900..1100).contains(n)), "{counts:?}");
        }
    }

    #[test]
    fn a_page_keeps_its_content_and_its_own_word() {
        let mut busy = Busy::new(503);
        let page = busy.reply(Some(Reply::text(503, "later").header("X-Own", "1")));
        assert!(RETRY_AFTER.contains(&seconds(&page)) && page.has("X-Own"));
        assert_eq!(page.body().len(), 5);
        let own = busy.reply(Some(Reply::text(503, "later").header("retry-after", "60")));
        assert_eq!(own.lines(), "retry-after: 60\r\n");
    }
}
