//! Who a client is, for queues that share among clients: by address, or by what a proxy says.
use super::cookies::cookies;
use sluicegate_http::{Exchange, Head};
use sluicegate_io::network;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

/// What names a client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Clients {
    /// Its address; of IPv6 the first 64 bits, for one client has all that begin so.
    #[default]
    Address,
    /// A field of its requests; of a list the last, which the nearest proxy wrote.
    Header(String),
    /// A cookie.
    Cookie(String),
    /// Nothing: all are one.
    Nobody,
}

impl Clients {
    /// As it is typed; nothing where it cannot be understood.
    pub fn read(text: &str) -> Option<Clients> {
        let named = |name: &str| sluicegate_http::is_field_name(name).then(|| name.to_owned());
        match text.split_once(':') {
            None if text == "address" => Some(Clients::Address),
            None if text == "none" => Some(Clients::Nobody),
            // A cookie's name is a token, as a field's is (RFC 6265 section 4.1.1).
            Some(("header", name)) => named(name).map(Clients::Header),
            Some(("cookie", name)) => named(name).map(Clients::Cookie),
            _ => None,
        }
    }

    /// The client of a request, for [`Tag::set_client`](sluicegate::Tag::set_client). Where a
    /// request lacks what should name its client, its address does. Whoever knows the `seed` could
    /// find names that share a queue with another's.
    pub fn of(&self, exchange: &Exchange, seed: u64) -> u16 {
        let name = match self {
            Clients::Nobody => return 0,
            Clients::Address => None,
            Clients::Header(name) => last(exchange, name),
            Clients::Cookie(name) => cookies(exchange, name).find(|value| !value.is_empty()),
        };
        let mut hasher = DefaultHasher::new();
        seed.hash(&mut hasher);
        let text = name.and_then(|name| std::str::from_utf8(name).ok());
        match (text.and_then(|text| text.parse().ok()), name) {
            (Some(address), _) => network(address).hash(&mut hasher),
            (None, Some(name)) => name.hash(&mut hasher),
            (None, None) => {
                let address = exchange.peer().and_then(|peer| peer.addr());
                let Some(address) = address else { return 0 };
                network(address.ip()).hash(&mut hasher);
            }
        }
        // Zero is nobody.
        1 + (hasher.finish() % u64::from(u16::MAX)) as u16
    }
}

/// The last member of a field that may be a list.
fn last<'a>(head: &'a Head, name: &'a str) -> Option<&'a [u8]> {
    let field = head.all(name).last()?;
    let member = field.rsplit(|byte| *byte == b',').next()?.trim_ascii();
    (!member.is_empty()).then_some(member)
}

impl fmt::Display for Clients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Clients::Address => f.write_str("address"),
            Clients::Header(name) => write!(f, "header:{name}"),
            Clients::Cookie(name) => write!(f, "cookie:{name}"),
            Clients::Nobody => f.write_str("none"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(by: &str, fields: &str) -> u16 {
        let text = format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
        let exchange = Exchange::read(text.as_bytes()).expect("a plain request");
        Clients::read(by).expect("it is accepted").of(&exchange, 7)
    }

    #[test]
    fn only_what_can_name_a_client_is_read() {
        for text in ["address", "none", "header:X-Key", "cookie:session"] {
            assert_eq!(Clients::read(text).expect(text).to_string(), text);
        }
        for text in ["", "Address", "header", "header:", "header:a b", "cookie:", "path:/a"] {
            assert_eq!(Clients::read(text), None, "{text}");
        }
    }

    #[test]
    fn a_field_names_a_client_by_what_the_nearest_proxy_wrote() {
        let by = |fields: &str| client("header:X-Forwarded-For", fields);
        let one = by("X-Forwarded-For: 192.0.2.1\r\n");
        assert_ne!(one, 0);
        assert_ne!(one, by("X-Forwarded-For: 192.0.2.2\r\n"));
        assert_eq!(one, by("x-forwarded-for: 203.0.113.9,  192.0.2.1\r\n"));
        assert_eq!(one, by("X-Forwarded-For: a\r\nX-Forwarded-For: 192.0.2.1\r\n"));
        assert_eq!(one, by("X-Forwarded-For: ::ffff:192.0.2.1\r\n"), "the same address");
        let six = by("X-Forwarded-For: 2001:db8:1:2::1\r\n");
        assert_eq!(six, by("X-Forwarded-For: 2001:db8:1:2:3:4:5:6\r\n"), "one network");
        assert_ne!(six, by("X-Forwarded-For: 2001:db8:1:3::1\r\n"));
        // Here there is no address.
        assert_eq!([by(""), by("X-Forwarded-For: \r\n"), client("none", "")], [0; 3]);
    }

    #[test]
    fn a_cookie_is_found_by_its_whole_name() {
        let by = |fields: &str| client("cookie:id", fields);
        let one = by("Cookie: id=x\r\n");
        assert_ne!(one, 0);
        assert_eq!(one, by("Cookie: a=b; id=x; id=y\r\n"));
        assert_ne!(one, by("Cookie: id=y\r\n"));
        assert_eq!([by("Cookie: idx=x; sid=x; id=\r\n"), client("address", "")], [0; 2]);
    }

    #[test]
    fn another_seed_puts_other_clients_together() {
        let text = b"GET / HTTP/1.1\r\nHost: a\r\nX-Key: k\r\n\r\n";
        let exchange = Exchange::read(text).expect("a plain request");
        let by = Clients::Header("x-key".to_owned());
        assert_eq!(by.of(&exchange, 1), by.of(&exchange, 1));
        assert_ne!(by.of(&exchange, 1), by.of(&exchange, 2));
    }
}
