//! Content codings, and what an Accept-Encoding field says of them (RFC 9110 section 12.5.3).

use crate::head::Head;

/// A content coding that replies may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Coding {
    /// Brotli (RFC 7932).
    Br,
    /// Zstandard (RFC 8878).
    Zstd,
    /// Gzip (RFC 1952).
    Gzip,
}

/// What a client accepts: weights from 0, not at all, to 1000.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Accepted {
    codings: [u16; Coding::ALL.len()],
    /// Nothing where content as it is was not spoken of: then it is what is sent at need.
    identity: Option<u16>,
}

impl Coding {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Br, Self::Zstd, Self::Gzip];

    /// The name in Content-Encoding.
    pub fn name(self) -> &'static str {
        match self {
            Self::Br => "br",
            Self::Zstd => "zstd",
            Self::Gzip => "gzip",
        }
    }

    fn named(name: &[u8]) -> Option<Self> {
        // RFC 9110 section 8.4.1.3: "x-gzip" is to be taken for "gzip".
        let name = if name.eq_ignore_ascii_case(b"x-gzip") { b"gzip" } else { name };
        Self::ALL.into_iter().find(|coding| name.eq_ignore_ascii_case(coding.name().as_bytes()))
    }
}

/// What a request accepts; nothing where it does not say so, or says it wrongly: then content is
/// sent as it is.
pub fn accepted(head: &Head) -> Option<Accepted> {
    if !head.may_accept_codings() {
        return None;
    }
    let mut values = head.all("accept-encoding").peekable();
    values.peek()?;
    Accepted::read(values)
}

impl Accepted {
    /// Reads the values of all Accept-Encoding fields. What is said twice counts as said last.
    fn read<'a>(values: impl Iterator<Item = &'a [u8]>) -> Option<Self> {
        let (mut codings, mut identity, mut others) = ([None; Coding::ALL.len()], None, None);
        let members = values.flat_map(|value| value.split(|&b| b == b',')).map(<[u8]>::trim_ascii);
        for member in members.filter(|member| !member.is_empty()) {
            let (name, weight) = read_member(member)?;
            if let Some(coding) = Coding::named(name) {
                codings[coding as usize] = Some(weight);
            } else if name.eq_ignore_ascii_case(b"identity") {
                identity = Some(weight);
            } else if name == b"*" {
                others = Some(weight);
            }
        }
        let codings = codings.map(|weight| weight.or(others).unwrap_or(0));
        Some(Self { codings, identity: identity.or(others) })
    }

    /// Of the codings offered, in the order of the server's preference, the one that the client
    /// likes best; nothing where content is to be sent as it is. A server that has nothing the
    /// client accepts disregards the field (RFC 9110 section 12.4.1).
    pub fn choose(&self, offered: impl Iterator<Item = Coding>) -> Option<Coding> {
        let least = self.identity.unwrap_or(0).max(1);
        let mut best = None;
        for coding in offered.filter(|&coding| self.weight(coding) >= least) {
            if best.is_none_or(|best| self.weight(coding) > self.weight(best)) {
                best = Some(coding);
            }
        }
        best
    }

    /// Whether a reply may have this coding.
    pub fn allows(&self, coding: Coding) -> bool {
        self.weight(coding) > 0
    }

    /// Whether a reply may have none.
    pub fn allows_identity(&self) -> bool {
        self.identity != Some(0)
    }

    fn weight(&self, coding: Coding) -> u16 {
        self.codings[coding as usize]
    }
}

/// One coding and its weight.
fn read_member(member: &[u8]) -> Option<(&[u8], u16)> {
    let Some(end) = member.iter().position(|&b| b == b';') else {
        return is_token(member).then_some((member, 1000));
    };
    let (name, weight) = (member[..end].trim_ascii_end(), member[end + 1..].trim_ascii_start());
    let (b"q=" | b"Q=") = weight.get(..2)? else { return None };
    is_token(name).then_some((name, read_weight(&weight[2..])?))
}

/// RFC 9110 section 12.4.2: 0 to 1 with at most three decimals.
fn read_weight(text: &[u8]) -> Option<u16> {
    let (whole, decimals) = match text {
        [whole] => (whole, &[][..]),
        [whole, b'.', decimals @ ..] if decimals.len() <= 3 => (whole, decimals),
        _ => return None,
    };
    if !matches!(whole, b'0' | b'1') || !decimals.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let digit = |at: usize| u16::from(decimals.get(at).map_or(0, |digit| digit - b'0'));
    let weight = u16::from(whole - b'0') * 1000 + digit(0) * 100 + digit(1) * 10 + digit(2);
    (weight <= 1000).then_some(weight)
}

fn is_token(name: &[u8]) -> bool {
    let fits = |b: &u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(b);
    !name.is_empty() && name.iter().all(fits)
}

#[cfg(test)]
#[path = "coding_tests.rs"]
mod tests;
