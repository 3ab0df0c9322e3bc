//! What a caller is told who is not let in.

use crate::BoxError;
use http::header::RETRY_AFTER;
use http::{HeaderValue, Response, StatusCode};
use sluicegate::Why;
use std::fmt;
use std::time::Duration;

/// Seconds after which to come again, for each draw: who was refused together shall not come back
/// together.
const COME_AGAIN: [&str; 3] = ["1", "2", "3"];

/// A call that was not let in, or lost its place in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    why: Why,
    draw: usize,
}

impl Refused {
    pub(crate) fn new(why: Why, draw: usize) -> Self {
        Self { why, draw: draw % COME_AGAIN.len() }
    }

    /// Why: [`Why::Shed`] where there is too much to do for all, [`Why::Greedy`] where most of that
    /// is this client's, [`Why::Expired`] where the answer would come too late, [`Why::Refused`]
    /// where a law says so, [`Why::Draining`] where the gate takes no more.
    pub fn why(&self) -> Why {
        self.why
    }

    /// After which time to come again, 1 to 3 s in turn; none for what is too late.
    pub fn retry_after(&self) -> Option<Duration> {
        let seconds = self.draw as u64 + 1;
        (self.why != Why::Expired).then_some(Duration::from_secs(seconds))
    }

    /// The status that says so in HTTP: 429 to a greedy client, 504 for what is too late, 503 else.
    pub fn status(&self) -> StatusCode {
        match self.why {
            Why::Greedy => StatusCode::TOO_MANY_REQUESTS,
            Why::Expired => StatusCode::GATEWAY_TIMEOUT,
            _ => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// Why, in words.
    pub(crate) fn reason(&self) -> &'static str {
        match self.why {
            Why::Greedy => "this client asks for far more than the others",
            Why::Expired => "there is too little time left for an answer",
            Why::Refused => "the service takes no more for now",
            Why::Draining => "the service is about to end",
            _ => "there is too much to do",
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason())
    }
}

impl std::error::Error for Refused {}

/// How a service that answers by `T` or fails by `E` tells that it does not let a call in.
pub trait Refusal<T, E> {
    /// The errors of the service with its gate.
    type Error;

    /// What a refused call gets.
    fn refuse(&self, refused: Refused) -> Result<T, Self::Error>;

    /// An error of the service behind the gate.
    fn failed(&self, error: E) -> Self::Error;
}

/// Answers with [status](Refused::status), `Retry-After` and an empty body, as a `http::Response`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Status;

impl<B: Default, E> Refusal<Response<B>, E> for Status {
    type Error = E;

    fn refuse(&self, refused: Refused) -> Result<Response<B>, E> {
        let mut response = Response::new(B::default());
        *response.status_mut() = refused.status();
        if refused.retry_after().is_some() {
            let seconds = HeaderValue::from_static(COME_AGAIN[refused.draw]);
            response.headers_mut().insert(RETRY_AFTER, seconds);
        }
        Ok(response)
    }

    fn failed(&self, error: E) -> E {
        error
    }
}

/// Answers as [`Gate::refuse_with`](crate::Gate::refuse_with) says.
#[derive(Clone, Copy, Debug)]
pub struct Custom<F>(pub(crate) F);

impl<T, E, F: Fn(Refused) -> T> Refusal<T, E> for Custom<F> {
    type Error = E;

    fn refuse(&self, refused: Refused) -> Result<T, E> {
        Ok((self.0)(refused))
    }

    fn failed(&self, error: E) -> E {
        error
    }
}

/// Fails with [`Refused`]; see [`Gate::refuse_as_error`](crate::Gate::refuse_as_error).
#[derive(Clone, Copy, Debug, Default)]
pub struct AsError;

impl<T, E: Into<BoxError>> Refusal<T, E> for AsError {
    type Error = BoxError;

    fn refuse(&self, refused: Refused) -> Result<T, BoxError> {
        Err(refused.into())
    }

    fn failed(&self, error: E) -> BoxError {
        error.into()
    }
}
