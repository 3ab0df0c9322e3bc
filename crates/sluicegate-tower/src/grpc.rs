//! gRPC, as far as a gate has to speak it: refusals by `grpc-status`, and deadlines.

use crate::refusal::{Refusal, Refused};
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, Request, Response};
use sluicegate::Why;
use std::time::Duration;

const STATUS: HeaderName = HeaderName::from_static("grpc-status");
const MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const PUSHBACK: HeaderName = HeaderName::from_static("grpc-retry-pushback-ms");
const TIMEOUT: &str = "grpc-timeout";
/// Digits of a timeout that gRPC allows.
const DIGITS_MAX: usize = 8;

/// Answers as gRPC does: a status 200 without a body, that says by `grpc-status` why
/// (Trailers-Only of gRPC's HTTP/2 mapping), and by `grpc-retry-pushback-ms` when to come again
/// (gRFC A6). See [`Gate::refuse_as_grpc`](crate::Gate::refuse_as_grpc).
#[derive(Clone, Copy, Debug, Default)]
pub struct Grpc;

impl<B: Default, E> Refusal<Response<B>, E> for Grpc {
    type Error = E;

    fn refuse(&self, refused: Refused) -> Result<Response<B>, E> {
        let mut response = Response::new(B::default());
        let fields = response.headers_mut();
        fields.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        fields.insert(STATUS, HeaderValue::from_static(status(refused.why())));
        // None of the reasons has to be percent-encoded.
        fields.insert(MESSAGE, HeaderValue::from_static(refused.reason()));
        let after = refused.retry_after().map(|after| after.as_millis() as u64);
        fields.extend(after.map(|after| (PUSHBACK, HeaderValue::from(after))));
        Ok(response)
    }

    fn failed(&self, error: E) -> E {
        error
    }
}

/// `DEADLINE_EXCEEDED`, `RESOURCE_EXHAUSTED` or `UNAVAILABLE`.
fn status(why: Why) -> &'static str {
    match why {
        Why::Expired => "4",
        Why::Greedy => "8",
        _ => "14",
    }
}

/// For how long a gRPC client waits, as its field `grpc-timeout` says: up to eight digits and one
/// of `H`, `M`, `S`, `m`, `u`, `n`. None where there is no such field, or several, or one that
/// cannot be read.
///
/// ```
/// use sluicegate_tower::{Gate, grpc_timeout};
/// use std::time::Duration;
///
/// let gate = Gate::<http::Request<()>>::target(Duration::from_millis(50));
/// let gate = gate.deadline(grpc_timeout).refuse_as_grpc();
/// ```
pub fn grpc_timeout<B>(request: &Request<B>) -> Option<Duration> {
    let mut values = request.headers().get_all(TIMEOUT).iter();
    let value = values.next().filter(|_| values.next().is_none())?;
    read(value.to_str().ok()?)
}

fn read(value: &str) -> Option<Duration> {
    let (digits, unit) = value.split_at_checked(value.len().checked_sub(1)?)?;
    if digits.len() > DIGITS_MAX || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let n: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(n * 3600)),
        "M" => Some(Duration::from_secs(n * 60)),
        "S" => Some(Duration::from_secs(n)),
        "m" => Some(Duration::from_millis(n)),
        "u" => Some(Duration::from_micros(n)),
        "n" => Some(Duration::from_nanos(n)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_unit_of_a_timeout_is_known_and_nothing_else() {
        for (value, expected) in [
            ("2H", Some(Duration::from_secs(7200))),
            ("3M", Some(Duration::from_secs(180))),
            ("4S", Some(Duration::from_secs(4))),
            ("5m", Some(Duration::from_millis(5))),
            ("6u", Some(Duration::from_micros(6))),
            ("7n", Some(Duration::from_nanos(7))),
            ("99999999H", Some(Duration::from_secs(99_999_999 * 3600))),
            ("123456789S", None),
            ("", None),
            ("S", None),
            ("5", None),
            ("5s", None),
            ("+5S", None),
            ("-5S", None),
            ("1.5S", None),
            ("5ms", None),
            ("5\u{e9}", None),
        ] {
            assert_eq!(read(value), expected, "{value:?}");
        }
    }

    #[test]
    fn of_several_timeouts_none_holds() {
        let request = Request::builder().header(TIMEOUT, "5S");
        let several = Request::builder().header(TIMEOUT, "5S").header(TIMEOUT, "6S");
        let read = |request: http::request::Builder| grpc_timeout(&request.body(()).unwrap());
        assert_eq!(read(request), Some(Duration::from_secs(5)));
        assert_eq!((read(several), read(Request::builder())), (None, None));
    }
}
