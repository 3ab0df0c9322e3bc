//! What became of the flows that were to be sent.

use crate::metrics::{Page, ServiceMetric as M};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Why a flow was not sent, or not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dropped {
    /// The net kept others in its place before it was read.
    Overwritten,
    /// Too many waited for the collector: the newest are kept.
    Full,
    /// The collector did not take it, however often it was sent.
    Unanswered,
    /// The collector refused it.
    Refused,
}

impl Dropped {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Overwritten, Self::Full, Self::Unanswered, Self::Refused];

    /// Its name in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Overwritten => "overwritten",
            Self::Full => "full",
            Self::Unanswered => "unanswered",
            Self::Refused => "refused",
        }
    }
}

/// Counts what was sent and what was dropped, since the net began; shared with who shows it.
#[derive(Debug, Default)]
pub struct Counts {
    pub(super) spans: AtomicU64,
    pub(super) spans_rejected: AtomicU64,
    pub(super) flows: AtomicU64,
    pub(super) dropped: [AtomicU64; Dropped::ALL.len()],
    pub(super) waiting: AtomicU64,
    /// The number of the newest flow that was read.
    #[cfg(feature = "otlp")]
    pub(super) read: AtomicU64,
}

impl Counts {
    /// Spans that a collector took.
    pub fn spans(&self) -> u64 {
        self.spans.load(Relaxed)
    }

    /// Spans that it said it rejected out of what it took.
    pub fn spans_rejected(&self) -> u64 {
        self.spans_rejected.load(Relaxed)
    }

    /// Flows whose spans it took.
    pub fn flows(&self) -> u64 {
        self.flows.load(Relaxed)
    }

    /// Flows that were dropped for this.
    pub fn dropped(&self, why: Dropped) -> u64 {
        self.dropped[why as usize].load(Relaxed)
    }

    /// All flows that were dropped.
    pub fn dropped_in_all(&self) -> u64 {
        Dropped::ALL.iter().map(|why| self.dropped(*why)).sum()
    }

    /// Flows that wait to be sent.
    pub fn waiting(&self) -> u64 {
        self.waiting.load(Relaxed)
    }

    /// Puts all of it onto a page of metrics.
    pub fn put(&self, page: &mut Page) {
        page.put(M::OtlpSpans, &[], self.spans());
        page.put(M::OtlpRejected, &[], self.spans_rejected());
        page.put(M::OtlpFlows, &[], self.flows());
        for why in Dropped::ALL {
            page.put(M::OtlpDropped, &[why.name()], self.dropped(why));
        }
        page.put(M::OtlpWaiting, &[], self.waiting());
    }

    #[cfg(feature = "otlp")]
    pub(super) fn drop_flows(&self, why: Dropped, flows: usize) {
        self.dropped[why as usize].fetch_add(flows as u64, Relaxed);
    }
}
