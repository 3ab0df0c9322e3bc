//! A request head: its bytes, and where in them method, target and fields are.

use std::mem::MaybeUninit;

use crate::limits::{FIELDS_MAX, HEAD_MAX, Limits};
use crate::line::explain;
use crate::machine::framing;
use crate::method::{Method, Version};
use crate::status::Problem;
use crate::target::{self, BadPath, Form, Target};

/// One request head, kept as the bytes that came; fields are places within them.
#[derive(Debug)]
pub struct Head {
    /// The method.
    pub method: Method,
    /// The version.
    pub version: Version,
    /// In which form the target was written.
    pub form: Form,
    bytes: Vec<u8>,
    fields: Vec<Field>,
    name: Place,
    raw_target: Place,
    authority: Option<Place>,
    query: Option<Place>,
    /// A field may be a precondition or a range: mostly there is none.
    conditional: bool,
    /// A field may be Accept-Encoding.
    codings: bool,
    path: Path,
    /// The path after decoding, where that changed it.
    decoded: Vec<u8>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Place {
    at: u16,
    len: u16,
}

#[derive(Clone, Copy, Debug)]
struct Field {
    name: Place,
    value: Place,
}

#[derive(Clone, Copy, Debug)]
enum Path {
    /// As it stands in the head.
    Raw(Place),
    /// Decoded, in a buffer of its own.
    Decoded,
    /// `/` of an absolute target that ends with its host.
    Root,
}

impl Default for Head {
    fn default() -> Self {
        Self {
            method: Method::Get,
            version: Version::Http11,
            form: Form::Origin,
            bytes: Vec::new(),
            fields: Vec::new(),
            name: Place::default(),
            raw_target: Place::default(),
            authority: None,
            query: None,
            conditional: false,
            codings: false,
            path: Path::Root,
            decoded: Vec::new(),
        }
    }
}

impl Head {
    /// Reads a complete head under the default limits: for tests of handlers.
    pub fn read(bytes: &[u8]) -> Result<Self, Problem> {
        let mut head = Self::default();
        if head.take_from(bytes, &Limits::default())? != Some(bytes.len()) {
            return Err(Problem::bad("the head is not one complete head"));
        }
        head.take_target()?;
        framing::examine(&head)?;
        Ok(head)
    }

    /// The method as it was sent.
    pub fn method_name(&self) -> &[u8] {
        self.at(self.name)
    }

    /// The target as it was sent.
    pub fn raw_target(&self) -> &[u8] {
        self.at(self.raw_target)
    }

    /// The request line as it came, without its end.
    pub fn request_line(&self) -> &[u8] {
        // The version is as long in all that are spoken here: a blank and `HTTP/1.1`.
        let end = usize::from(self.raw_target.at + self.raw_target.len) + " HTTP/1.1".len();
        &self.bytes[usize::from(self.name.at)..end]
    }

    /// The path with its escapes decoded once: begins with a slash and holds no zero byte, but
    /// perhaps `..`, doubled slashes, and bytes that are not UTF-8. `*` for `OPTIONS *`.
    pub fn path(&self) -> &[u8] {
        match self.path {
            Path::Raw(place) => self.at(place),
            Path::Decoded => &self.decoded,
            Path::Root => b"/",
        }
    }

    /// What follows the question mark, still encoded.
    pub fn query(&self) -> Option<&[u8]> {
        self.query.map(|place| self.at(place))
    }

    /// The host asked for, perhaps with a port: of an absolute target, else of the Host field.
    pub fn host(&self) -> Option<&[u8]> {
        // RFC 9112 section 3.2.2: the Host field is ignored beside an absolute target.
        self.authority.map(|place| self.at(place)).or_else(|| self.header("host"))
    }

    /// The value of the first field with this name, in any case.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.all(name).next()
    }

    /// Whether there is a field with this name.
    pub fn has(&self, name: &str) -> bool {
        self.header(name).is_some()
    }

    /// The value of the field with this name, unless there are several.
    pub fn single(&self, name: &str) -> Option<&[u8]> {
        let mut values = self.all(name);
        values.next().filter(|_| values.next().is_none())
    }

    /// The values of all fields with this name, in their order.
    pub fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        let same = move |field: &&Field| {
            usize::from(field.name.len) == name.len()
                && self.at(field.name).eq_ignore_ascii_case(name.as_bytes())
        };
        self.fields.iter().filter(same).map(|field| self.at(field.value))
    }

    /// All fields as names and values, in their order.
    pub fn fields(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.fields.iter().map(|field| (self.at(field.name), self.at(field.value)))
    }

    /// Whether a field may be one of If-Match and its like, or Range. To be asked first: looking
    /// for each of them by name costs more than all else in a plain request.
    pub(crate) fn may_be_conditional(&self) -> bool {
        self.conditional
    }

    /// Whether a field may be Accept-Encoding: what is asked before it is looked for.
    pub(crate) fn may_accept_codings(&self) -> bool {
        self.codings
    }

    /// The head as it came, from the method to the empty line.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn at(&self, place: Place) -> &[u8] {
        &self.bytes[usize::from(place.at)..][..usize::from(place.len)]
    }

    /// Takes a head from the front of `bytes` and returns how long it is. `None`: it is not
    /// complete, or its line ends are not strictly CRLF.
    pub(crate) fn take_from(
        &mut self,
        bytes: &[u8],
        limits: &Limits,
    ) -> Result<Option<usize>, Problem> {
        let mut slots = [const { MaybeUninit::uninit() }; FIELDS_MAX];
        let mut request = httparse::Request::new(&mut []);
        let slots = &mut slots[..limits.fields.min(FIELDS_MAX)];
        let len = match request.parse_with_uninit_headers(bytes, slots).map_err(explain)? {
            httparse::Status::Complete(len) if len <= limits.head.min(HEAD_MAX) => len,
            _ => return Ok(None),
        };
        let (Some(method), Some(target), Some(version)) =
            (request.method, request.path, request.version)
        else {
            return Ok(None);
        };
        let start = bytes.as_ptr() as usize;
        let place = |part: &[u8]| Place {
            at: (part.as_ptr() as usize - start) as u16,
            len: part.len() as u16,
        };
        self.fields.clear();
        self.conditional = false;
        self.codings = false;
        let mut strict = bytes[..len].ends_with(b"\r\n\r\n");
        let mut line_end = len - 2;
        for (nth, field) in request.headers.iter().enumerate() {
            let name = place(field.name.as_bytes());
            let at = usize::from(name.at);
            // The line before it ends here.
            strict &= bytes[..at].ends_with(b"\r\n");
            if nth == 0 {
                line_end = at;
            }
            self.conditional |= matches!(field.name.as_bytes(), [b'I' | b'i' | b'R' | b'r', ..]);
            self.codings |= field.name.len() == "accept-encoding".len();
            self.fields.push(Field { name, value: place(field.value) });
        }
        if !strict || line_end > limits.line {
            return Ok(None);
        }
        (self.name, self.raw_target) = (place(method.as_bytes()), place(target.as_bytes()));
        self.method = Method::of(method.as_bytes());
        self.version = if version == 0 { Version::Http10 } else { Version::Http11 };
        self.bytes.clear();
        self.bytes.extend_from_slice(&bytes[..len]);
        Ok(Some(len))
    }

    /// Splits the target and decodes the path.
    pub(crate) fn take_target(&mut self) -> Result<(), Problem> {
        let bytes = std::mem::take(&mut self.bytes);
        let raw = &bytes[usize::from(self.raw_target.at)..][..usize::from(self.raw_target.len)];
        let result =
            target::parse(raw, self.method).and_then(|parts| self.set_target(&bytes, parts));
        self.bytes = bytes;
        result
    }

    fn set_target(&mut self, bytes: &[u8], parts: Target<'_>) -> Result<(), Problem> {
        let start = bytes.as_ptr() as usize;
        let place = |part: &[u8]| Place {
            at: (part.as_ptr() as usize - start) as u16,
            len: part.len() as u16,
        };
        self.form = parts.form;
        self.authority = parts.authority.map(place);
        self.query = parts.query.map(place);
        self.path = match parts.path {
            path if path.contains(&b'%') => {
                self.decoded.clear();
                target::decode(path, &mut self.decoded).map_err(|bad| match bad {
                    BadPath::Escape => Problem::bad("the path has a bad percent-escape"),
                    BadPath::Zero => Problem::bad("the path has a zero byte"),
                })?;
                Path::Decoded
            }
            // Two that are not part of the head: the path that was left out, and the asterisk.
            b"/" => Path::Root,
            b"*" => Path::Raw(self.raw_target),
            path => Path::Raw(place(path)),
        };
        if self.form == Form::Asterisk && self.authority.is_some() {
            self.decoded.clear();
            self.decoded.push(b'*');
            self.path = Path::Decoded;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_looked_up_in_its_own_bytes() {
        let text = b"PUT /a%20b?c HTTP/1.1\r\nHost: h\r\nX-A: 1 \r\nx-a:2\r\nEmpty:\r\n\r\n";
        let head = Head::read(text).unwrap();
        assert_eq!((head.method, head.version), (Method::Put, Version::Http11));
        assert_eq!((head.path(), head.query()), (&b"/a b"[..], Some(&b"c"[..])));
        assert_eq!((head.raw_target(), head.method_name()), (&b"/a%20b?c"[..], &b"PUT"[..]));
        // RFC 9110 section 5.1 and 5.5: names in any case; blanks around a value do not count.
        assert_eq!(head.all("X-a").collect::<Vec<_>>(), [b"1", b"2"]);
        assert_eq!(head.header("empty"), Some(&b""[..]));
        assert_eq!((head.single("x-a"), head.single("host")), (None, Some(&b"h"[..])));
        assert_eq!(head.as_bytes(), text);
        assert_eq!(head.request_line(), b"PUT /a%20b?c HTTP/1.1");
        assert_eq!(head.fields().count(), 4);
    }

    #[test]
    fn an_absolute_target_names_the_host() {
        // RFC 9112 section 3.2.2: the received Host field is ignored.
        let head = Head::read(b"GET http://a:1 HTTP/1.1\r\nHost: b\r\n\r\n").unwrap();
        assert_eq!((head.host(), head.path()), (Some(&b"a:1"[..]), &b"/"[..]));
        let head = Head::read(b"OPTIONS http://a HTTP/1.1\r\nHost: b\r\n\r\n").unwrap();
        assert_eq!((head.form, head.path()), (Form::Asterisk, &b"*"[..]));
        let head = Head::read(b"OPTIONS * HTTP/1.1\r\nHost: b\r\n\r\n").unwrap();
        assert_eq!((head.host(), head.path()), (Some(&b"b"[..]), &b"*"[..]));
    }
}
