//! Classifiers and what is said about them.
use super::*;
use crate::config::tests::{GATED, MACHINE, check, read};
use crate::config::{Config, explain};

#[test]
fn a_class_says_whom_it_is_for() {
    let class = |text: &str| [GATED, "[[class]]\n", text].concat();
    for (text, said) in [
        (
            "header = \"A\"",
            "5:1: this class has no `class`; accepted: a whole number from 0 to 255",
        ),
        (
            "class = 256\nheader = \"A\"",
            "6:9: `class` is 256; accepted: a whole number from 0 to 255",
        ),
        (
            "class = 1\nheader = \"A B\"",
            "7:10: `header` is \"A B\"; accepted: a name such as \"X-Plan\"",
        ),
        (
            "class = 1\naddress = \"10.0.0.1/8\"",
            "7:11: `address` is \"10.0.0.1/8\"; accepted: addresses such as \"10.0.0.7\", or \
             networks such as \"10.0.0.0/8\" and \"2001:db8::/32\", without bits beyond their \
             length",
        ),
        (
            "class = 1\nheader = \"A\"\ncookie = \"a\"",
            "8:10: there are a `header` and a `cookie`; accepted: one of them",
        ),
        (
            "class = 1\naddress = \"::1\"\nvalue = \"a\"",
            "8:9: `value` is that of a `header` or a `cookie`, and there is none",
        ),
        (
            "class = 1\ncookie = \"a\"\nvalue = \"a; b\"",
            "8:9: `value` has a semicolon, which ends a cookie; accepted: without",
        ),
        (
            "class = 1\npath = \"/x/y\"",
            "5:1: this class does not say whom it is for; accepted: a `header`, a `cookie`, an \
             `address`, or an `address` with one of them; what holds for all requests to a path is \
             the `class` of its [[route]]",
        ),
        (
            "class = 1\nheader = \"A\"\n[[class]]\nclass = 2\nheader = \"a\"\nvalue = \"b\"",
            "8:1: this class is never reached: the one before it, `class 1: header A`, is for all \
             that it is for, and the first counts; accepted: the narrower one first",
        ),
    ] {
        check(&class(text), &format!("site.toml:{said}"));
    }
    check(
        "root = \".\"\n[[class]]\nclass = 1\naddress = \"::1\"\n",
        "site.toml:2:1: a class says who goes first where a `target` bounds what waits, and no \
         [[route]] has one; accepted: both, or neither",
    );
    let many = |n: usize| {
        let one = |n| format!("[[class]]\nclass = 1\nheader = \"A{n}\"\n");
        [GATED.to_owned(), (0..n).map(one).collect()].concat()
    };
    assert_eq!(
        read(&many(CLASSIFIERS_MAX)).map(|config| config.classes.len()),
        Ok(CLASSIFIERS_MAX)
    );
    let said = read(&many(CLASSIFIERS_MAX + 1)).expect_err("one too many").to_string();
    assert!(said.contains("there are 33 [[class]]") && said.contains("32 at most"), "{said}");
    let list = |n: usize| {
        let all: Vec<_> = (0..n).map(|n| format!("\"10.0.0.{n}\"")).collect();
        class(&format!("class = 1\naddress = [{}]", all.join(", ")))
    };
    assert!(read(&list(NETWORKS_MAX)).is_ok());
    check(
        &list(NETWORKS_MAX + 1),
        "site.toml:7:11: there are 65 networks; accepted: 64 at most in one class",
    );
}

#[test]
fn classes_are_explained_in_their_order() {
    let text = [
        GATED,
        "[[class]]\nclass = 10\nheader = \"X-Plan\"\nvalue = \"gold\"\n\
         address = [\"10.0.0.0/8\", \"::1\"]\npath = \"/x/*.json\"\n\
         [[class]]\nclass = 0\nweight = 4\ncookie = \"guest\"\n",
    ];
    let settings = Settings::from_toml("site.toml", &text.concat()).expect("known settings");
    let config = Config::new(&settings, MACHINE).expect("sound");
    let said = explain(&settings, &config);
    for line in [
        "\nroutes with a target, 1: class 10: header X-Plan \"gold\" from 10.0.0.0/8, ::1 on \
         /x/*.json\n",
        "\nroutes with a target, 2: class 0, weight 4: cookie guest\n",
    ] {
        assert!(said.contains(line), "{said}");
    }
}
