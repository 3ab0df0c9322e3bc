//! One call: it waits in the queue, then for the service, then for the answer.

use crate::gate::Gate;
use crate::refusal::Refusal;
use crate::shared::{Entered, Served, Waiting};
use crate::turn;
use pin_project_lite::pin_project;
use sluicegate::Why;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tower_service::Service;

pin_project! {
    /// A call of a [`GateService`](crate::GateService). Dropped, it leaves the queue, or ends what
    /// the service does for it and frees its place; both count as [`Why::Gone`].
    #[must_use = "futures do nothing unless polled"]
    pub struct GateFuture<S: Service<R>, R, A> {
        gate: Arc<Gate<R, A>>,
        // Until the service is called.
        asks: Option<(S, R)>,
        // Dropped before the place that it has is freed.
        #[pin]
        answer: Option<S::Future>,
        phase: Phase,
    }
}

/// How far a call has come.
enum Phase {
    New,
    Waits(Waiting),
    Served(Served, Turn),
    Over,
}

/// Whether it is the turn of a call that has a place on its thread too.
enum Turn {
    Comes,
    /// The thread looks round.
    Passed,
    /// What it has heard goes first.
    Last,
    Has,
}

impl<S, R, A> GateFuture<S, R, A>
where
    S: Service<R>,
    A: Refusal<S::Response, S::Error>,
{
    pub(crate) fn new(gate: Arc<Gate<R, A>>, service: S, request: R) -> Self {
        Self { gate, asks: Some((service, request)), answer: None, phase: Phase::New }
    }

    /// Gets a place, or hears why there is none.
    fn poll_place(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Why>> {
        let this = self.project();
        let served = match (&mut *this.phase, &*this.asks) {
            (Phase::New, Some((_, request))) => {
                let (shared, now) = (&this.gate.shared, this.gate.shared.now());
                let ask = this.gate.ask(now, request);
                match shared.enter(now, ask, cx.waker(), !turn::is_over())? {
                    Entered::Serve(served) => served,
                    Entered::Wait(waiting) => {
                        *this.phase = Phase::Waits(waiting);
                        return Poll::Pending;
                    }
                }
            }
            (Phase::Waits(waiting), _) => ready!(waiting.poll(cx))?,
            _ => return Poll::Ready(Ok(())),
        };
        *this.phase = Phase::Served(served, Turn::Comes);
        Poll::Ready(Ok(()))
    }

    /// Waits for its turn on the thread.
    fn poll_turn(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Phase::Served(_, turn) = self.project().phase else { return Poll::Ready(()) };
        match turn {
            Turn::Comes if turn::is_over() => {
                *turn = Turn::Passed;
                turn::pass(cx);
                return Poll::Pending;
            }
            Turn::Passed => {
                *turn = Turn::Last;
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Turn::Last => turn::renew(),
            Turn::Comes | Turn::Has => {}
        }
        *turn = Turn::Has;
        Poll::Ready(())
    }

    /// Has the service answer.
    fn poll_answer(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<S::Response, S::Error>> {
        let mut this = self.project();
        if let Some((service, _)) = this.asks {
            ready!(service.poll_ready(cx))?;
        }
        if let Some((mut service, request)) = this.asks.take() {
            this.answer.set(Some(service.call(request)));
        }
        let answer = this.answer.as_pin_mut().expect("a call that is over is not polled again");
        answer.poll(cx)
    }
}

impl<S, R, A> Future for GateFuture<S, R, A>
where
    S: Service<R>,
    A: Refusal<S::Response, S::Error>,
{
    type Output = Result<S::Response, A::Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Err(why) = ready!(self.as_mut().poll_place(cx)) {
            let this = self.project();
            *this.phase = Phase::Over;
            *this.asks = None;
            let refused = this.gate.refused(why);
            return Poll::Ready(this.gate.refusal.refuse(refused));
        }
        ready!(self.as_mut().poll_turn(cx));
        // Out of reach of whoever catches a panic of the service: that frees the place at once.
        let phase = std::mem::replace(self.as_mut().project().phase, Phase::Over);
        let (answer, used) = turn::count(|| self.as_mut().poll_answer(cx));
        let mut this = self.project();
        let Poll::Ready(answer) = answer else {
            if let Phase::Served(mut served, turn) = phase {
                served.polled(used);
                *this.phase = Phase::Served(served, turn);
            }
            return Poll::Pending;
        };
        if let Phase::Served(served, _) = phase {
            served.answered(used);
        }
        this.answer.set(None);
        Poll::Ready(answer.map_err(|error| this.gate.refusal.failed(error)))
    }
}
