//! What a client is told about one form of some content, and the heads that say it.
use bytes::Bytes;
use sluicegate_http::{Coding, prebuild};
use std::time::SystemTime;

/// The field of all replies about content that has, or may get, coded forms.
pub const VARY: (&str, &str) = ("Vary", "Accept-Encoding");

/// What a client is told about one form of some content.
#[derive(Clone, Copy, Debug)]
pub struct Told<'a> {
    /// Content type.
    pub media: &'a str,
    /// Entity tag with its quotes.
    pub tag: &'a str,
    /// Last modification, where there is one.
    pub modified: Option<SystemTime>,
    /// Length in bytes.
    pub len: u64,
    /// The coding of this form.
    pub coding: Option<Coding>,
    /// Whether there are, or may be, forms in other codings.
    pub varies: bool,
}

impl Told<'_> {
    /// The heads of 200 and of 304, each with further fields at its end; see [`prebuild`].
    pub fn heads<'a>(
        &self,
        whole: impl Iterator<Item = (&'a str, &'a str)>,
        unchanged: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> (Bytes, Bytes) {
        let date = self.modified.map(http_date);
        let mut validators: Vec<(&str, &str)> = Vec::from_iter(self.varies.then_some(VARY));
        validators.push(("ETag", self.tag));
        validators.extend(date.as_deref().map(|date| ("Last-Modified", date)));
        // Ranges are of the content as it is alone.
        let form =
            self.coding.map_or(("Accept-Ranges", "bytes"), |c| ("Content-Encoding", c.name()));
        let mut fields = vec![("Content-Type", self.media), form];
        fields.extend(&validators);
        for field in whole {
            fields.push(field);
        }
        let head = prebuild(200, &fields, Some(self.len));
        for field in unchanged {
            validators.push(field);
        }
        (head, prebuild(304, &validators, None))
    }
}

/// A date as fields have it.
pub fn http_date(time: SystemTime) -> String {
    httpdate::fmt_http_date(time)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::iter;
    use std::time::Duration;

    const PLAIN: Told<'_> = Told {
        media: "text/css",
        tag: "\"x\"",
        modified: None,
        len: 7,
        coding: None,
        varies: false,
    };

    #[test]
    fn the_head_of_304_says_what_may_have_changed_and_no_more() {
        let (head, unchanged) = PLAIN.heads(iter::once(("X", "y")), iter::once(("X", "z")));
        let expected = "HTTP/1.1 200 OK\r\nContent-Type: text/css\r\nAccept-Ranges: bytes\r\n\
                        ETag: \"x\"\r\nX: y\r\nContent-Length: 7\r\n";
        assert_eq!(head, expected);
        assert_eq!(unchanged, "HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\nX: z\r\n");
    }

    #[test]
    fn a_coded_form_varies_and_has_no_ranges() {
        let modified = Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1));
        let told = Told { coding: Some(Coding::Br), varies: true, modified, ..PLAIN };
        let (head, unchanged) = told.heads(iter::empty(), iter::empty());
        let validators = "Vary: Accept-Encoding\r\nETag: \"x\"\r\n\
                          Last-Modified: Thu, 01 Jan 1970 00:00:01 GMT\r\n";
        let whole = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/css\r\nContent-Encoding: br\r\n\
             {validators}Content-Length: 7\r\n"
        );
        assert_eq!(head, whole);
        assert_eq!(unchanged, format!("HTTP/1.1 304 Not Modified\r\n{validators}"));
    }
}
