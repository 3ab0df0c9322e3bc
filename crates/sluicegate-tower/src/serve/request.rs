//! From an exchange to a request of the `http` crate.

use super::body::Body;
use bytes::Bytes;
use http::request::Parts;
use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, Version};
use sluicegate_http::{Exchange, Head};
use sluicegate_io::Peer;

/// The request of an exchange, whose body is taken out. What is no request in the words of `http`
/// is an error.
pub(super) fn take(exchange: &mut Exchange) -> Result<Request<Body>, http::Error> {
    let parts = match exchange.take_kept::<Parts>() {
        Some(parts) => parts,
        None => parts(exchange)?,
    };
    let body = match exchange.body_reader() {
        Some(reader) => Body::coming(reader),
        None => Body::whole(exchange.take_body()),
    };
    Ok(Request::from_parts(parts, body))
}

/// All but the body. Names and values of fields are parts of one copy of the head.
pub(super) fn parts(exchange: &Exchange) -> Result<Parts, http::Error> {
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
    if let Some(peer) = exchange.peer() {
        insert_peer(request.extensions_mut(), peer);
    }
    Ok(request.into_parts().0)
}

/// One extension, for each costs as much as a field or two: what extractors of axum look for where
/// the client has an address.
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
