//! The token of an admin listener, and how it is brought along.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use std::fmt;
use subtle::ConstantTimeEq;

/// How many characters a token has: fewer could be guessed.
const LENGTH: std::ops::RangeInclusive<usize> = 16..=512;
/// The longest field that is looked at, in bytes.
const FIELD_MAX: usize = 2048;

/// What admits to an admin listener.
#[derive(Clone)]
pub struct Token(String);

/// What is said of a text that is none.
const NO_TOKEN: &str = "a token has 16 to 512 visible ASCII characters, as one that is made by \
                        `openssl rand -hex 32` has";

impl Token {
    /// The token in a text, without the blanks and line ends around it.
    ///
    /// # Errors
    /// What a token is, where that is none.
    pub fn new(text: &str) -> Result<Self, &'static str> {
        let text = text.trim();
        let fits = LENGTH.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if fits { Ok(Self(text.to_owned())) } else { Err(NO_TOKEN) }
    }

    /// Whether this is it, in a time that does not tell how much of it is right.
    pub(crate) fn is(&self, text: &str) -> bool {
        self.0.as_bytes().ct_eq(text.as_bytes()).into()
    }
}

/// Nobody is to find it in a log.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

/// What a field `Authorization` says.
pub(crate) struct Credentials {
    /// The user, if one is named.
    pub user: Option<String>,
    pub token: String,
}

/// Reads `Bearer TOKEN`; or `Basic`, as browsers ask their users for it, with the token as the
/// password and any user.
pub(crate) fn credentials(field: &[u8]) -> Option<Credentials> {
    let field = std::str::from_utf8(field).ok().filter(|field| field.len() <= FIELD_MAX)?;
    let (scheme, rest) = field.split_once(' ')?;
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(Credentials { user: None, token: rest.to_owned() });
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(BASE64_STANDARD.decode(rest).ok()?).ok()?;
    let (user, token) = text.split_once(':')?;
    let user = Some(user.to_owned()).filter(|user| !user.is_empty());
    Some(Credentials { user, token: token.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "0123456789abcdef";

    #[test]
    fn a_token_is_long_enough_and_never_shown() {
        let token = Token::new(&format!("\n {TEXT}\r\n")).expect("a token");
        assert!(token.is(TEXT) && !token.is("0123456789abcdeg") && !token.is(""));
        assert!(!format!("{token:?}").contains(TEXT));
        let long = "x".repeat(513);
        for text in ["", "0123456789abcde", "0123456789 abcdef", "0123456789abcde\u{e4}", &long] {
            assert!(Token::new(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_token_is_brought_as_a_bearer_or_as_a_password() {
        let read = |field: &str| {
            credentials(field.as_bytes()).map(|brought| (brought.user, brought.token))
        };
        let basic = |text: &str| format!("Basic {}", BASE64_STANDARD.encode(text));
        let anna = Some("anna".to_owned());
        assert_eq!(read("Bearer abc"), Some((None, "abc".to_owned())));
        assert_eq!(read("bearer  abc"), Some((None, "abc".to_owned())));
        assert_eq!(read(&basic("anna:a:b")), Some((anna, "a:b".to_owned())));
        assert_eq!(read(&basic(":abc")), Some((None, "abc".to_owned())));
        let long = format!("Bearer {}", "x".repeat(FIELD_MAX));
        for field in ["", "abc", "Basic", "Basic !", "Digest abc", &basic("abc"), &long] {
            assert!(read(field).is_none(), "{field}");
        }
        assert!(credentials(b"Basic \xff").is_none());
    }
}
