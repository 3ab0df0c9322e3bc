//! A service to put behind gates, and what became of its calls.

// Not every test uses all of it.
#![allow(dead_code)]

use sluicegate::Why;
use sluicegate_tower::{BoxError, Refused};
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll};
use std::time::Duration;
use tower::Service;

/// A service whose calls take the time that they ask for, and only wait meanwhile.
#[derive(Clone, Default)]
pub struct Sleeper {
    running: Arc<AtomicUsize>,
    peak: Arc<AtomicUsize>,
}

impl Sleeper {
    /// Calls that are running.
    pub fn running(&self) -> usize {
        self.running.load(SeqCst)
    }

    /// The most calls that it ever had at once.
    pub fn peak(&self) -> usize {
        self.peak.load(SeqCst)
    }
}

/// One more is running, until this is dropped.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

impl Service<Duration> for Sleeper {
    type Response = Duration;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Duration, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, takes: Duration) -> Self::Future {
        self.peak.fetch_max(self.running.fetch_add(1, SeqCst) + 1, SeqCst);
        let counted = Counted(Arc::clone(&self.running));
        Box::pin(async move {
            let _counted = counted;
            tokio::time::sleep(takes).await;
            Ok(takes)
        })
    }
}

/// Why a call was refused, if it was.
pub fn why<T>(answer: &Result<T, BoxError>) -> Option<Why> {
    let error = answer.as_ref().err()?;
    Some(error.downcast_ref::<Refused>().expect("nothing else fails here").why())
}

/// `n` milliseconds.
pub const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}
