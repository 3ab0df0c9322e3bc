//! What Accept-Encoding fields mean: by examples, and against a model that follows the text.
use super::*;
use proptest::prelude::*;

const ALL: [Coding; 3] = Coding::ALL;

fn head(fields: &str) -> Head {
    Head::read(format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n").as_bytes()).unwrap()
}

/// What is chosen when everything is offered.
fn chosen(value: &str) -> Option<Coding> {
    accepted(&head(&format!("Accept-Encoding: {value}\r\n")))?.choose(ALL.into_iter())
}

#[test]
fn the_best_of_what_is_offered_is_chosen() {
    for (value, expected) in [
        ("gzip", Some(Coding::Gzip)),
        ("x-gzip", Some(Coding::Gzip)),
        ("GZIP, Br", Some(Coding::Br)),
        ("gzip, deflate, br, zstd", Some(Coding::Br)),
        ("gzip, zstd", Some(Coding::Zstd)),
        ("gzip;q=1.0, br;q=0.9", Some(Coding::Gzip)),
        ("br;q=0.001", Some(Coding::Br)),
        ("br;q=0, *", Some(Coding::Zstd)),
        ("*", Some(Coding::Br)),
        ("*;q=0", None),
        ("*;q=0.3, gzip;q=0.2", Some(Coding::Br)),
        ("gzip ; q=0.5 ,, br;Q=0.5", Some(Coding::Br)),
        ("identity;q=0, gzip;q=0.1", Some(Coding::Gzip)),
        ("identity, gzip;q=0.5", None),
        ("identity;q=0.5, gzip;q=0.5", Some(Coding::Gzip)),
        ("identity", None),
        ("deflate", None),
        ("", None),
    ] {
        assert_eq!(chosen(value), expected, "{value}");
    }
}

#[test]
fn what_is_malformed_is_as_if_it_were_not_there() {
    for value in [
        "gzip;q=2",
        "gzip;q=",
        "gzip;q",
        "gzip;",
        "gzip;q=0.1234",
        "gzip;q=1.001",
        "gzip;q=.5",
        "gzip;q=-1",
        "br gzip",
        "gzip;level=9",
        "gzip, br;q=x",
        ";q=1",
        "gz\"ip",
        "gzip;q=1;q=1",
    ] {
        assert_eq!(accepted(&head(&format!("Accept-Encoding: {value}\r\n"))), None, "{value}");
    }
    assert_eq!(accepted(&head("")), None);
    assert_eq!(accepted(&head("Accept-Language: en\r\nAccept_Encoding: gzip\r\n")), None);
}

#[test]
fn several_fields_are_one_list() {
    let accepted = accepted(&head("Accept-Encoding: br;q=0.2\r\naccept-encoding: gzip\r\n"));
    let accepted = accepted.expect("it is well formed");
    assert_eq!(accepted.choose(ALL.into_iter()), Some(Coding::Gzip));
    assert_eq!(accepted.choose([Coding::Br, Coding::Zstd].into_iter()), Some(Coding::Br));
    assert!(accepted.allows_identity() && !accepted.allows(Coding::Zstd));
}

/// A member as it is written: a name, and its weight in thousandths where one is given.
fn member() -> impl Strategy<Value = (&'static str, Option<u16>)> {
    let names = ["br", "zstd", "gzip", "identity", "*", "deflate"];
    (prop::sample::select(names.to_vec()), prop::option::of(0u16..=1000))
}

/// The weight of a name by RFC 9110 section 12.5.3, looked up in the list each time.
fn model(list: &[(&str, Option<u16>)], name: &str) -> Option<u16> {
    let last = |name: &str| list.iter().rev().find(|(other, _)| *other == name);
    last(name).or_else(|| last("*")).map(|(_, weight)| weight.unwrap_or(1000))
}

proptest! {
    #[test]
    fn weights_are_those_of_the_model(
        list in prop::collection::vec(member(), 0..6),
        offered in prop::sample::subsequence(ALL.to_vec(), 0..=3).prop_shuffle(),
    ) {
        let text: Vec<_> = list.iter().map(|(name, weight)| match weight {
            Some(1000) => format!("{name};q=1.0"),
            Some(weight) => format!("{name};q=0.{weight:03}"),
            None => (*name).to_owned(),
        }).collect();
        let accepted = accepted(&head(&format!("Accept-Encoding: {}\r\n", text.join(", "))));
        let found = accepted.expect("well formed").choose(offered.iter().copied());

        // Ranks: the weight, then the place in what is offered. As it is comes last of equals.
        let ranked = offered.iter().enumerate().filter_map(|(place, &coding)| {
            let weight = model(&list, coding.name()).filter(|weight| *weight > 0)?;
            Some((weight, 10 - place, Some(coding)))
        });
        let identity = (model(&list, "identity").unwrap_or(0), 0, None);
        let best = ranked.chain([identity]).max_by_key(|(weight, place, _)| (*weight, *place));
        prop_assert_eq!(found, best.and_then(|(_, _, coding)| coding));
    }

    #[test]
    fn any_value_is_fine(value in "[ -~]{0,40}") {
        chosen(&value);
    }
}
