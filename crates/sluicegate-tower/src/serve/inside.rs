//! What is of a runtime, on a thread that is not: entered for each poll, and to be dropped.

use http_body::{Frame, SizeHint};
use pin_project_lite::pin_project;
use std::borrow::Borrow;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::runtime::Handle;

pin_project! {
    /// A future or a body that is polled and dropped inside of a runtime, so that both may spawn
    /// tasks and set timers. `H` is a handle of it, or lent: to clone one costs all workers.
    pub(super) struct Inside<T, H: Borrow<Handle>> {
        runtime: H,
        // Empty only while it is dropped.
        #[pin]
        inner: Option<T>,
    }

    impl<T, H: Borrow<Handle>> PinnedDrop for Inside<T, H> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            let _entered = (*this.runtime).borrow().enter();
            this.inner.set(None);
        }
    }
}

impl<T, H: Borrow<Handle>> Inside<T, H> {
    pub fn new(runtime: H, inner: T) -> Self {
        Self { runtime, inner: Some(inner) }
    }
}

impl<F: Future, H: Borrow<Handle>> Future for Inside<F, H> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _entered = (*this.runtime).borrow().enter();
        match this.inner.as_pin_mut() {
            Some(inner) => inner.poll(cx),
            None => Poll::Pending,
        }
    }
}

impl<B: http_body::Body, H: Borrow<Handle>> http_body::Body for Inside<B, H> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let this = self.project();
        let _entered = (*this.runtime).borrow().enter();
        this.inner.as_pin_mut().map_or(Poll::Ready(None), |inner| inner.poll_frame(cx))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(http_body::Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().map_or_else(SizeHint::default, http_body::Body::size_hint)
    }
}
