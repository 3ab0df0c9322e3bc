//! Cookies of a request, by whatever looks for one.
use sluicegate_http::Head;

/// The values of all cookies with this name, as they came (RFC 6265 section 4.2.1): there may be
/// several, and quotes are part of a value.
pub fn cookies<'a>(head: &'a Head, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
    let pairs = head.all("cookie").flat_map(|field| field.split(|byte| *byte == b';'));
    pairs
        .filter_map(move |pair| pair.trim_ascii().strip_prefix(name.as_bytes())?.strip_prefix(b"="))
}
