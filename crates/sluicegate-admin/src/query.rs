//! What stands behind the `?` of a target.

/// The pairs of a query, as they are written; what has no `=` is left out.
pub(crate) fn pairs(query: &str) -> impl Iterator<Item = (&str, &str)> {
    query.split('&').filter_map(|pair| pair.split_once('='))
}

/// The text of the first value of this name, if it is text.
pub(crate) fn value(query: &str, name: &str) -> Option<String> {
    let (_, value) = pairs(query).find(|pair| pair.0 == name)?;
    decoded(value)
}

/// The text that `text` stands for, with its `%XX`; `None` where that is no text.
pub(crate) fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                (digit()? * 16 + digit()?) as u8
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_coded_is_read_and_what_is_no_text_is_not() {
        let read = ["a-b.c", "a%20b", "%C3%A4", "%25", ""].map(decoded);
        let expected = ["a-b.c", "a b", "\u{e4}", "%", ""].map(|text| Some(text.to_owned()));
        assert_eq!(read, expected);
        for odd in ["%", "%2", "%zz", "%ff"] {
            assert_eq!(decoded(odd), None, "{odd}");
        }
        let found: Vec<_> = pairs("a=1&b&c=2=3&=").collect();
        assert_eq!(found, [("a", "1"), ("c", "2=3"), ("", "")]);
        let named = |name| value("a=%20&a=1&b=%", name);
        assert_eq!((named("a").as_deref(), named("b"), named("c")), (Some(" "), None, None));
    }
}
