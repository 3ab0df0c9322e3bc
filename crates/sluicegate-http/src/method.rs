//! Methods and versions of a request.

/// The method of a request. Case counts (RFC 9110 section 9.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// Transfer the representation.
    Get,
    /// As `Get`, without the content.
    Head,
    /// Process the content.
    Post,
    /// Replace the representation.
    Put,
    /// Remove the resource.
    Delete,
    /// Tell what may be asked.
    Options,
    /// Change part of the resource (RFC 5789).
    Patch,
    /// Send the request back.
    Trace,
    /// Make a tunnel; the machine answers 501 itself.
    Connect,
    /// Any other token; its text is in `Head::method_name`.
    Other,
}

/// The version of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// HTTP/1.0: closes unless it asks for keep-alive; knows no chunks.
    Http10,
    /// HTTP/1.1.
    Http11,
}

impl Method {
    /// The method with this name.
    pub fn of(name: &[u8]) -> Self {
        match name {
            b"GET" => Self::Get,
            b"HEAD" => Self::Head,
            b"POST" => Self::Post,
            b"PUT" => Self::Put,
            b"DELETE" => Self::Delete,
            b"OPTIONS" => Self::Options,
            b"PATCH" => Self::Patch,
            b"TRACE" => Self::Trace,
            b"CONNECT" => Self::Connect,
            _ => Self::Other,
        }
    }

    /// Whether the reply is about a representation as it is: `Get` or `Head`.
    pub fn is_read(self) -> bool {
        matches!(self, Self::Get | Self::Head)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_are_case_sensitive() {
        // RFC 9110 section 9.1: the method token is case-sensitive.
        assert_eq!(Method::of(b"GET"), Method::Get);
        assert_eq!(Method::of(b"get"), Method::Other);
    }
}
