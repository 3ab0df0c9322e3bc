//! From an exchange to a request of the `http` crate.

use super::body::Body;
use bytes::Bytes;
use http::request::Parts;
use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, Version};
use sluicegate_http::{Exchange, Head};
use sluicegate_io::Peer;

/// Whether a service is told who asks. The first extension of a request costs about 900
/// instructions, a tenth of all that is done for a small answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    Told,
    Untold,
}

/// The request of an exchange, whose body is taken out. What is no request in the words of `http`
/// is an error.
pub(super) fn take(exchange: &mut Exchange, who: Who) -> Result<Request<Body>, http::Error> {
    let parts = match exchange.take_kept::<Parts>() {
        Some(parts) => parts,
        None => parts(exchange, who)?,
    };
    let body = match exchange.body_reader() {
        Some(reader) => Body::coming(reader),
        None => Body::whole(exchange.take_body()),
    };
    Ok(Request::from_parts(parts, body))
}

/// All but the body. Names and values of fields are parts of one copy of the head.
pub(super) fn parts(exchange: &Exchange, who: Who) -> Result<Parts, http::Error> {
    let head: &Head = exchange;
    let shared = Bytes::copy_from_slice(head.as_bytes());
    let start = head.as_bytes().as_ptr() as usize;
    let slice = |part: &[u8]| {
        let at = part.as_ptr() as usize - start;
        shared.slice(at..at + part.len())
    };
    let mut request = Request::new(());
    *request.method_mut() = method(head)?;
    *request.uri_mut() = Uri::from_maybe_shared(slice(head.raw_target()))?;
    *request.version_mut() = match head.version {
        sluicegate_http::Version::Http10 => Version::HTTP_10,
        sluicegate_http::Version::Http11 => Version::HTTP_11,
    };
    let mut fields = HeaderMap::with_capacity(head.fields().count());
    for (name, value) in head.fields() {
        let value = HeaderValue::from_maybe_shared(slice(value))?;
        fields.append(HeaderName::from_bytes(name)?, value);
    }
    *request.headers_mut() = fields;
    if let (Who::Told, Some(peer)) = (who, exchange.peer()) {
        insert_peer(request.extensions_mut(), peer);
    }
    Ok(request.into_parts().0)
}

/// What extractors of axum look for where the client has an address, else our own.
fn insert_peer(extensions: &mut Extensions, peer: Peer) {
    #[cfg(feature = "axum")]
    if let Some(addr) = peer.addr() {
        extensions.insert(axum::extract::ConnectInfo(addr));
        return;
    }
    extensions.insert(peer);
}

fn method(head: &Head) -> Result<Method, http::Error> {
    Ok(match head.method {
        sluicegate_http::Method::Get => Method::GET,
        sluicegate_http::Method::Post => Method::POST,
        _ => Method::from_bytes(head.method_name())?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body::Body as _;

    fn read(text: &[u8]) -> Exchange {
        Exchange::read(text).expect("a plain request")
    }

    #[test]
    fn a_request_is_what_was_sent() {
        let text = b"PURGE /a%20b/../c?d=e HTTP/1.1\r\nHost: h\r\nX-A: 1\r\nx-a:\xe9\r\n\
                     Content-Length: 3\r\n\r\nabc";
        let request = take(&mut read(text)).expect("it is one");
        assert_eq!((request.method().as_str(), request.version()), ("PURGE", Version::HTTP_11));
        assert_eq!(request.uri(), "/a%20b/../c?d=e", "nothing is decoded");
        let all: Vec<_> = request.headers().get_all("x-a").iter().collect();
        assert_eq!(all, [&b"1"[..], b"\xe9"]);
        assert_eq!(request.headers().len(), 4);
        assert_eq!(request.body().size_hint().exact(), Some(3));
        let whole = take(&mut read(b"GET http://h/p HTTP/1.0\r\n\r\n")).expect("it is one");
        assert_eq!((whole.uri().host(), whole.version()), (Some("h"), Version::HTTP_10));
        assert!(whole.body().is_end_stream());
    }

    #[test]
    fn a_head_that_was_read_already_is_not_read_again() {
        let mut exchange = read(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        let mut known = parts(&exchange).expect("it is one");
        known.extensions.insert(7u8);
        exchange.keep(known);
        let request = take(&mut exchange).expect("it is one");
        assert_eq!(request.extensions().get::<u8>(), Some(&7));
    }
}
