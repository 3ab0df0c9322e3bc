//! How important a request is, by what it says of itself and whom it comes from.
use super::cookies::cookies;
use super::network::Network;
use super::pattern::Pattern;
use sluicegate_http::Head;
use std::fmt;
use std::net::IpAddr;

/// A class with whom it is for: all that is given has to be so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Classifier {
    /// The class; higher is more important.
    pub class: u8,
    /// How many times the time of others its clients get, if that is not what the route says.
    pub weight: Option<u8>,
    /// What a request has to say.
    pub says: Option<Says>,
    /// Where it has to come from: one of these, or anywhere where there is none.
    pub from: Vec<Network>,
    /// What it has to ask for.
    pub path: Option<Pattern>,
}

/// What a request says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Says {
    /// Whether in a cookie; else in a field.
    pub cookie: bool,
    /// The name of the cookie or field.
    pub name: String,
    /// What it says there, byte for byte; anything where there is none.
    pub value: Option<String>,
}

/// The first classifier that is for a request, if any is.
pub fn classify<'a>(
    classifiers: &'a [Classifier],
    head: &Head,
    addr: Option<IpAddr>,
) -> Option<&'a Classifier> {
    classifiers.iter().find(|one| one.is_for(head, addr))
}

impl Classifier {
    /// Who has no address, behind a Unix socket, comes from nowhere.
    fn is_for(&self, head: &Head, addr: Option<IpAddr>) -> bool {
        let comes = |addr| self.from.iter().any(|network| network.contains(addr));
        (self.from.is_empty() || addr.is_some_and(comes))
            && self.path.as_ref().is_none_or(|path| path.matches(head.path()))
            && self.says.as_ref().is_none_or(|says| says.is_said(head))
    }

    /// Whether it is for all requests that another one is for, as far as that can be told without
    /// comparing paths.
    pub fn covers(&self, other: &Classifier) -> bool {
        let inside = |theirs: &Network| self.from.iter().any(|ours| ours.covers(*theirs));
        let from = match other.from.is_empty() {
            true => self.from.is_empty(),
            false => self.from.is_empty() || other.from.iter().all(inside),
        };
        let says = match (&self.says, &other.says) {
            (None, _) => true,
            (Some(ours), Some(theirs)) => ours.covers(theirs),
            (Some(_), None) => false,
        };
        from && says && (self.path.is_none() || self.path == other.path)
    }
}

impl Says {
    /// Fields and cookies may come several times: one that fits is enough.
    fn is_said(&self, head: &Head) -> bool {
        let fits = |value: &[u8]| self.value.as_ref().is_none_or(|want| value == want.as_bytes());
        match self.cookie {
            true => cookies(head, &self.name).any(fits),
            false => head.all(&self.name).any(fits),
        }
    }

    fn covers(&self, other: &Says) -> bool {
        let same = match self.cookie {
            true => self.name == other.name,
            false => self.name.eq_ignore_ascii_case(&other.name),
        };
        self.cookie == other.cookie && same && (self.value.is_none() || self.value == other.value)
    }
}

impl fmt::Display for Classifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "class {}", self.class)?;
        self.weight.iter().try_for_each(|weight| write!(f, ", weight {weight}"))?;
        write!(f, ":")?;
        if let Some(says) = &self.says {
            let what = if says.cookie { "cookie" } else { "header" };
            write!(f, " {what} {}", says.name)?;
            says.value.iter().try_for_each(|value| write!(f, " \"{value}\""))?;
        }
        for (nth, network) in self.from.iter().enumerate() {
            write!(f, "{} {network}", if nth == 0 { " from" } else { "," })?;
        }
        self.path.iter().try_for_each(|path| write!(f, " on {path}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn says(cookie: bool, name: &str, value: Option<&str>) -> Option<Says> {
        Some(Says { cookie, name: name.to_owned(), value: value.map(str::to_owned) })
    }

    fn one(class: u8, says: Option<Says>, from: &[&str], path: Option<&str>) -> Classifier {
        let from = from.iter().map(|text| Network::read(text).expect("a network")).collect();
        let path = path.map(|text| Pattern::read(text).expect("a pattern"));
        Classifier { class, weight: None, says, from, path }
    }

    fn class_of(all: &[Classifier], path: &str, fields: &str, addr: &str) -> Option<u8> {
        let text = format!("GET {path} HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
        let head = Head::read(text.as_bytes()).expect("a plain request");
        classify(all, &head, addr.parse().ok()).map(|one| one.class)
    }

    #[test]
    fn the_first_for_which_all_is_so_counts() {
        let all = [
            one(9, says(false, "X-Plan", Some("gold")), &["10.0.0.0/8"], None),
            one(8, says(false, "x-plan", None), &[], Some("/work/*.json")),
            one(7, says(true, "tier", Some("gold")), &[], None),
            one(0, None, &["192.0.2.0/24", "2001:db8::/32"], None),
        ];
        let gold = "X-Plan: gold\r\n";
        for (path, fields, addr, expected) in [
            ("/", gold, "10.1.2.3", Some(9)),
            ("/", gold, "11.1.2.3", None),
            ("/", gold, "unix", None),
            ("/", "X-Plan: Gold\r\n", "10.1.2.3", None),
            ("/", "X-Plan: tin\r\nx-plan:  gold \r\n", "10.1.2.3", Some(9)),
            ("/work/a.json", gold, "11.1.2.3", Some(8)),
            ("/work/a.json", "X-Plan:\r\n", "11.1.2.3", Some(8)),
            ("/work/a", "X-Plan:\r\n", "11.1.2.3", None),
            ("/", "Cookie: a=b; tier=gold;c\r\n", "11.1.2.3", Some(7)),
            ("/", "Cookie: a=b\r\nCookie: tier=gold\r\n", "unix", Some(7)),
            ("/", "Cookie: tier=tin; tier=gold\r\n", "unix", Some(7)),
            ("/", "Cookie: tier=\"gold\"; Tier=gold; xtier=gold; tier=gold2\r\n", "unix", None),
            ("/", "Cookie: tier; =gold; tier = gold;;=\r\n", "unix", None),
            ("/", "X-Tier: gold\r\n", "192.0.2.9", Some(0)),
            ("/", "", "2001:db8:1::", Some(0)),
        ] {
            assert_eq!(class_of(&all, path, fields, addr), expected, "{path} {fields} {addr}");
        }
    }

    #[test]
    fn one_that_is_never_reached_is_known() {
        let gold = || says(false, "X-Plan", Some("gold"));
        let (any, low) = (says(false, "x-plan", None), says(true, "x-plan", None));
        let ten = ["10.0.0.0/8"];
        for (first, second, covers) in [
            (one(1, gold(), &[], None), one(2, gold(), &[], None), true),
            (one(1, any.clone(), &[], None), one(2, gold(), &ten, Some("/a")), true),
            (one(1, gold(), &[], None), one(2, any, &[], None), false),
            (one(1, gold(), &[], None), one(2, low, &[], None), false),
            (one(1, None, &ten, None), one(2, None, &["10.1.0.0/16", "10.2.0.7"], None), true),
            (one(1, None, &["10.1.0.0/16"], None), one(2, None, &ten, None), false),
            (one(1, None, &ten, None), one(2, gold(), &[], None), false),
            (one(1, gold(), &[], Some("/a")), one(2, gold(), &[], None), false),
        ] {
            assert_eq!(first.covers(&second), covers, "{first} | {second}");
        }
    }

    proptest! {
        #[test]
        fn what_clients_send_never_breaks_it_and_only_the_right_words_count(
            garbage in proptest::collection::vec(0x20_u8..0xff, 0..80), at in 0_usize..80
        ) {
            let all = [one(7, says(true, "tier", Some("gold")), &[], None)];
            let clean: Vec<u8> = garbage.into_iter().filter(|byte| *byte != 0x7f).collect();
            let (before, after) = clean.split_at(at.min(clean.len()));
            let class = |cookie: &[&[u8]]| {
                let line = [b"GET / HTTP/1.1\r\nHost: a\r\nCookie: ", &cookie.concat()[..]];
                let text = [line.concat(), b"\r\n\r\n".to_vec()].concat();
                let head = Head::read(&text).expect("any bytes may be in a value");
                classify(&all, &head, None).map(|one| one.class)
            };
            let right = |part: &[u8]| part.trim_ascii() == b"tier=gold";
            let said = clean.split(|byte| *byte == b';').any(right);
            prop_assert_eq!(class(&[before, after]), said.then_some(7));
            prop_assert_eq!(class(&[before, b"; tier=gold ;", after]), Some(7));
        }
    }
}
