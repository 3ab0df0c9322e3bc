//! A service behind a gate.

use crate::future::GateFuture;
use crate::gate::Gate;
use crate::refusal::Refusal;
use std::sync::Arc;
use std::task::{Context, Poll};
use tower_service::Service;

/// A service with a [`Gate`] around it.
///
/// It is always ready, whoever waits: what there is no room for is refused by its call, so that a
/// clone that nobody calls holds no place.
pub struct GateService<S, R, A> {
    service: S,
    /// One reference a clone.
    gate: Arc<Gate<R, A>>,
}

impl<S, R, A> GateService<S, R, A> {
    pub(crate) fn new(service: S, gate: Gate<R, A>) -> Self {
        Self { service, gate: Arc::new(gate) }
    }
}

impl<S: Clone, R, A> Clone for GateService<S, R, A> {
    fn clone(&self) -> Self {
        Self { service: self.service.clone(), gate: Arc::clone(&self.gate) }
    }
}

impl<S: std::fmt::Debug, R, A> std::fmt::Debug for GateService<S, R, A> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GateService").field("service", &self.service).finish_non_exhaustive()
    }
}

impl<S, R, A> Service<R> for GateService<S, R, A>
where
    S: Service<R> + Clone,
    A: Refusal<S::Response, S::Error>,
{
    type Response = S::Response;
    type Error = A::Error;
    type Future = GateFuture<S, R, A>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: R) -> Self::Future {
        GateFuture::new(Arc::clone(&self.gate), self.service.clone(), request)
    }
}
