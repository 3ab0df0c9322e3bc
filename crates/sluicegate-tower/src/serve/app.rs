//! The service as an application of the server: an async stage for its calls, one for its bodies.

use super::body::Body;
use super::inside::Inside;
use super::request::Who;
use super::{reply, request, upgrade};
use crate::BoxError;
use crate::describe::Describe;
use http::request::Parts;
use http::{Request, Response};
use sluicegate::{
    AsyncCx, AsyncStage, Capacity, Concurrency, Domain, Event, Net, Out, Supervision, Tag,
    async_stage, bounded, stage,
};
use sluicegate_http::{Exchange, Reply};
use sluicegate_web::{App, Mounted};
use std::future::poll_fn;
use std::marker::PhantomData;
use std::sync::{Mutex, PoisonError};
use tokio::runtime::Handle;
use tower_service::Service;

/// Replies of each worker that may be sent in pieces at once: as many as it has requests.
const STREAMS: usize = 16 * 1024;

/// A service, and what is said of its requests.
pub(super) struct Serviced<S> {
    /// Cloned for each worker, when the net starts.
    service: Mutex<S>,
    runtime: Handle,
    describe: Describe<Parts>,
    places: Concurrency,
    told: Told,
}

/// What the service is told of each request beside what was sent.
#[derive(Clone, Copy)]
pub(super) struct Told {
    pub who: Who,
    pub traceparent: bool,
}

impl<S> Serviced<S> {
    /// The service is told who asks if more is said of its requests too.
    pub fn new(
        service: S,
        runtime: Handle,
        describe: Describe<Parts>,
        places: Concurrency,
        mut told: Told,
    ) -> Self {
        if !describe.is_empty() {
            told.who = Who::Told;
        }
        Self { service: Mutex::new(service), runtime, describe, places, told }
    }
}

impl<S, B> App for Serviced<S>
where
    S: Service<Request<Body>, Response = Response<B>> + Clone + Send + 'static,
    S::Error: Into<BoxError>,
    S::Future: 'static,
    B: http_body::Body + Send + 'static,
    B::Error: Into<BoxError>,
{
    fn describes(&self) -> bool {
        !self.describe.is_empty()
    }

    fn describe(&self, tag: &mut Tag, exchange: &mut Exchange) {
        if self.describe.is_empty() {
            return;
        }
        // What is no request is answered so by the stage.
        if let Ok(parts) = request::parts(exchange, self.told.who) {
            self.describe.tell(tag, &parts);
            exchange.keep(parts);
        }
    }

    fn mount(&self, net: &mut Net, cpu: Domain, queue: Capacity) -> Mounted {
        let service = self.service.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (service, runtime, places, told) =
            (Mutex::new(service), self.runtime.clone(), self.places.clone(), self.told);
        let call = move || {
            let service = service.lock().unwrap_or_else(PoisonError::into_inner).clone();
            async_stage(Call { service, runtime: runtime.clone(), told }, places.clone())
        };
        // All routes are one stage: whoever knows one that panics could have all refused.
        let patient = Supervision::default().in_a_row(u32::MAX);
        let call = net.add(stage("app", call).on(cpu).queue(queue).supervise(patient));
        let give = || async_stage(GiveBody(PhantomData::<fn() -> B>), STREAMS);
        let give = net.add(stage("app-body", give).on(cpu).queue(bounded(STREAMS)));
        Mounted { requests: call.inlet, replies: call.out, pull: give.inlet, pieces: give.out }
    }
}

/// Calls the service.
struct Call<S> {
    service: S,
    runtime: Handle,
    told: Told,
}

impl<S, B> AsyncStage for Call<S>
where
    S: Service<Request<Body>, Response = Response<B>> + Clone + 'static,
    S::Error: Into<BoxError>,
    B: http_body::Body + Send + 'static,
    B::Error: Into<BoxError>,
{
    type In = Exchange;
    type Out = Out<Exchange>;
    type Done = Event<Exchange>;

    fn handle(&self, event: Event<Exchange>, _: &AsyncCx) -> impl Future<Output = Event<Exchange>> {
        Inside::new(&self.runtime, self.answer(event))
    }

    fn emit(&self, done: Event<Exchange>, out: &mut Out<Exchange>) {
        out.emit(done);
    }
}

impl<S, B> Call<S>
where
    S: Service<Request<Body>, Response = Response<B>> + Clone,
    S::Error: Into<BoxError>,
    B: http_body::Body + Send + 'static,
    B::Error: Into<BoxError>,
{
    /// Answers one request. Nothing that is large lives over an await but the call itself: all
    /// that does is copied when the future is put into its place.
    async fn answer(&self, event: Event<Exchange>) -> Event<Exchange> {
        let (tag, mut exchange) = event.split();
        let mut service = self.service.clone();
        if poll_fn(|cx| service.poll_ready(cx)).await.is_err() {
            exchange.reply(Reply::plain(500));
        } else if upgrade::is_asked_by(&exchange) {
            // Rare, and large.
            Box::pin(self.upgrade(service, &mut exchange, &tag)).await;
        } else {
            let call = self.request(&mut exchange, &tag).map(|request| service.call(request));
            match call {
                Ok(call) => match call.await {
                    Ok(response) => reply::begin(&mut exchange, response, &self.runtime).await,
                    Err(_) => exchange.reply(Reply::plain(500)),
                },
                Err(_) => exchange.reply(Reply::plain(400)),
            }
        }
        tag.with(exchange)
    }

    /// The request, with what the service is told.
    fn request(&self, exchange: &mut Exchange, tag: &Tag) -> Result<Request<Body>, http::Error> {
        let mut request = request::take(exchange, self.told.who)?;
        if self.told.traceparent {
            request.extensions_mut().insert(exchange.traceparent(tag));
        }
        Ok(request)
    }

    /// Answers one that wants its connection.
    async fn upgrade(&self, mut service: S, exchange: &mut Exchange, tag: &Tag) {
        let Ok(mut request) = self.request(exchange, tag) else {
            return exchange.reply(Reply::plain(400));
        };
        if let Some((upgrade, answer)) = upgrade::take_over(exchange, &self.runtime).await {
            request.extensions_mut().insert(upgrade);
            answer.send(service.call(request).await);
        }
    }
}

/// Gives the bodies of responses in pieces.
struct GiveBody<B>(PhantomData<fn() -> B>);

impl<B> AsyncStage for GiveBody<B>
where
    B: http_body::Body + Send + 'static,
    B::Error: Into<BoxError>,
{
    type In = Exchange;
    type Out = Out<Exchange>;
    type Done = Event<Exchange>;

    async fn handle(&self, event: Event<Exchange>, _: &AsyncCx) -> Event<Exchange> {
        let (tag, mut exchange) = event.split();
        if !upgrade::go_on(&mut exchange).await {
            reply::go_on::<B>(&mut exchange).await;
        }
        tag.with(exchange)
    }

    fn emit(&self, done: Event<Exchange>, out: &mut Out<Exchange>) {
        out.emit(done);
    }
}
