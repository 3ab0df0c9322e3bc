//! The gate as a user declares it: a target, who is important, who is one client, how it refuses.

use crate::describe::Describe;
use crate::grpc::Grpc;
use crate::refusal::{AsError, Custom, Refused, Status};
use crate::service::GateService;
use crate::shared::Shared;
use sluicegate::bounded;
use sluicegate::{AdmissionQueue, AdmissionQueueView, Ask, Capacity, Concurrency, Overload, Time};
use std::hash::Hash;
use std::num::NonZero;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;
use tower_layer::Layer;

/// Calls that may wait, unless declared otherwise: far more than any target lets wait.
const CAPACITY: usize = 4096;
/// Calls that are served at once in the beginning for each processor, and that may be at most.
const START: usize = 8;
const MOST: usize = 4096;

/// A layer that lets in what can be served in time, and refuses the rest at once.
///
/// Calls wait in one bounded queue, and so many are served at once as
/// [`concurrency`](Self::concurrency) says. A call enters the queue when its future is first
/// polled, leaves it when the future is dropped, and has a place in the service until that has
/// answered: with http, until the head of the response is there. A clone, or a service that is only
/// ready, holds nothing.
///
/// **All clones of a gate are one gate**, and so are all services that it is laid around: the
/// routes of a router, and several routers.
///
/// Behind it the service is cloned for each call, and asked whether it is ready only when the call
/// has its place.
///
/// `R` is the type of the requests; `A` says how a refusal looks.
pub struct Gate<R, A = Status> {
    pub(crate) shared: Arc<Shared>,
    pub(crate) refusal: A,
    describe: Describe<R>,
}

impl<R> Gate<R> {
    /// 99 of 100 calls that are let in shall be answered within `target` after they came. It
    /// should be several times what a call takes when there is nothing else to do.
    ///
    /// The law is [`Overload`]: the work that waits is held to half of the target, in a burst to
    /// two thirds.
    pub fn target(target: Duration) -> Self {
        Self::new(bounded(CAPACITY).admit(Overload::p99(target)))
    }

    /// A gate whose queue has bounds, order and laws of one's choice.
    ///
    /// ```
    /// use sluicegate::{Gauge, Headroom, Order, Overload, bounded, ms};
    /// use sluicegate_tower::Gate;
    ///
    /// let memory = Gauge::new("memory"); // Set by whoever reads it.
    /// let laws = bounded(1000).admit(Overload::p99(ms(50))).admit(Headroom::of(&memory));
    /// let gate = Gate::<http::Request<()>>::new(laws.order(Order::ByDeadline));
    /// ```
    pub fn new(queue: Capacity) -> Self {
        let cores = available_parallelism().map_or(1, NonZero::get);
        let places = Concurrency::from(cores..=MOST).starting_at(START * cores);
        Self {
            shared: Shared::new(AdmissionQueue::new(queue, places)),
            refusal: Status,
            describe: Describe::default(),
        }
    }
}

impl<R, A> Gate<R, A> {
    /// How many calls are served at once: `64`, or as many of `8..=512` as help.
    ///
    /// Unless this is said they are 8 for each processor in the beginning, and then, while calls
    /// wait for a place, as many as help: more where more are answered in a second by them, as
    /// where they ask a database; fewer, down to one for each processor, where fewer answer as
    /// many, as where they wait for threads that compute. A size is tried for half a second: it
    /// takes some seconds until it fits. Handlers that compute themselves are served by as many as
    /// there are threads.
    ///
    /// Say it where the service has a bound of its own, such as the connections of a pool. It holds
    /// for all clones, from now on.
    #[must_use = "builder methods give the gate back"]
    pub fn concurrency(self, places: impl Into<Concurrency>) -> Self {
        self.shared.set_concurrency(places.into());
        self
    }

    /// The class of each request: the higher goes first, and pushes the lower out when there is too
    /// much. Unless this is said all are of class 0.
    #[must_use = "builder methods give the gate back"]
    pub fn class(mut self, class: impl Fn(&R) -> u8 + Send + Sync + 'static) -> Self {
        self.describe.set_class(class);
        self
    }

    /// Who asks, if it is known: clients of a class get equal time, and who asks for far more than
    /// the others is refused as [greedy](sluicegate::Why::Greedy). Those without a name share as
    /// one client, and so do all unless this is said.
    ///
    /// Names are hashed with a seed of this process: two of 65,535 may be taken for one.
    #[must_use = "builder methods give the gate back"]
    pub fn client<K: Hash>(
        mut self,
        client: impl Fn(&R) -> Option<K> + Send + Sync + 'static,
    ) -> Self {
        self.describe.set_client(client);
        self
    }

    /// For how long the answer is worth waiting for, if that is known. A call that cannot be
    /// answered before is refused as [expired](sluicegate::Why::Expired), at once or when it is its
    /// turn. One that is served already goes on: to end it too, put a timeout around the service
    /// behind the gate.
    #[must_use = "builder methods give the gate back"]
    pub fn deadline(
        mut self,
        deadline: impl Fn(&R) -> Option<Duration> + Send + Sync + 'static,
    ) -> Self {
        self.describe.set_deadline(deadline);
        self
    }

    /// Answers refusals in one's own way, instead of by [`Status`]: with a page, or as gRPC does.
    ///
    /// ```
    /// use axum::response::{IntoResponse, Response};
    /// use sluicegate_tower::{Gate, Refused};
    /// use std::time::Duration;
    ///
    /// let page = |refused: Refused| -> Response {
    ///     (refused.status(), format!("Sorry, {refused}.")).into_response()
    /// };
    /// let gate = Gate::target(Duration::from_millis(50)).refuse_with(page);
    /// let app: axum::Router = axum::Router::new().layer(gate);
    /// ```
    pub fn refuse_with<F>(self, make: F) -> Gate<R, Custom<F>> {
        self.with(Custom(make))
    }

    /// Gives refusals as errors of type [`Refused`], in a [`BoxError`](crate::BoxError), for
    /// services that are not over http.
    pub fn refuse_as_error(self) -> Gate<R, AsError> {
        self.with(AsError)
    }

    /// Answers refusals as gRPC does: with `grpc-status` 14 (`UNAVAILABLE`) where there is too much
    /// to do, 8 (`RESOURCE_EXHAUSTED`) to a greedy client, 4 (`DEADLINE_EXCEEDED`) for what is too
    /// late.
    pub fn refuse_as_grpc(self) -> Gate<R, Grpc> {
        self.with(Grpc)
    }

    fn with<B>(self, refusal: B) -> Gate<R, B> {
        let Self { shared, refusal: _, describe } = self;
        Gate { shared, refusal, describe }
    }

    /// What there is to see: who waits, who is served, what was refused and why, what the laws
    /// say. Counts are since the start.
    pub fn snapshot(&self) -> AdmissionQueueView {
        self.shared.view()
    }

    /// Freezes the laws of this name, so that their bounds stay as they are, or lets them go on;
    /// `false` when there is none. The law of a target is called `overload`.
    pub fn freeze(&self, law: &str, frozen: bool) -> bool {
        self.shared.set_frozen(law, frozen)
    }

    /// Has the gate take no more, from now on and for good: what comes is refused as
    /// [draining](sluicegate::Why::Draining), what waits gets its turn, and what is served is
    /// answered. The future is ready when none of these is left.
    ///
    /// What waits is bounded by the target, and a handler by nothing: have a timeout around the
    /// future too. Whether the answers have been written is known to the server alone.
    ///
    /// ```
    /// use axum::{Router, routing::get};
    /// use sluicegate_tower::Gate;
    /// use std::time::Duration;
    /// use tokio::net::TcpListener;
    /// use tokio::time::timeout;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// # let ctrl_c = async || {};
    /// let gate = Gate::target(Duration::from_millis(50));
    /// let app = Router::new().route("/", get(|| async { "Hello" })).layer(gate.clone());
    /// let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// let end = async move {
    ///     ctrl_c().await;
    ///     // The server goes on meanwhile, and so tells who comes that it will end.
    ///     let _ = timeout(Duration::from_secs(10), gate.drain()).await;
    /// };
    /// axum::serve(listener, app).with_graceful_shutdown(end).await
    /// # }
    /// ```
    #[must_use = "the drain has begun, and only the future says when it is over"]
    pub fn drain(&self) -> impl Future<Output = ()> + Send + 'static + use<R, A> {
        self.shared.close();
        let shared = Arc::clone(&self.shared);
        async move { shared.idle().await }
    }

    /// What is known of a request that comes now.
    pub(crate) fn ask(&self, now: Time, request: &R) -> Ask {
        let Describe { class, client, deadline } = &self.describe;
        let deadline = deadline.as_ref().and_then(|deadline| deadline(request));
        Ask {
            class: class.as_ref().map_or(0, |class| class(request)),
            client: client.as_ref().map_or(0, |client| client(request)),
            deadline: deadline.map(|after| now + after),
        }
    }

    pub(crate) fn refused(&self, why: sluicegate::Why) -> Refused {
        Refused::new(why, self.shared.draw())
    }
}

impl<R, A: Clone> Clone for Gate<R, A> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            refusal: self.refusal.clone(),
            describe: self.describe.clone(),
        }
    }
}

impl<R, A> std::fmt::Debug for Gate<R, A> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gate").field("snapshot", &self.snapshot()).finish_non_exhaustive()
    }
}

impl<S, R, A: Clone> Layer<S> for Gate<R, A> {
    type Service = GateService<S, R, A>;

    fn layer(&self, service: S) -> Self::Service {
        GateService::new(service, self.clone())
    }
}
