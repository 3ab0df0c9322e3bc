//! Sites, with their rules and redirects, and what is said about them.
use crate::config::tests::{check, read};

#[test]
fn what_rules_do_not_accept_is_told_with_its_place() {
    check(
        "[[rule]]\npath = \"a\"\nheaders = { X = \"1\" }\n",
        "site.toml:2:8: `path` is \"a\"; accepted: \"/\", \"/assets\", \"*.js\" or \
         \"/assets/*.js\"",
    );
    let said = read("[[rule]]\npath = \"/\"\n[rule.headers]\nX = \"1\"\nDate = \"x\"\n");
    let said = said.expect_err("a reserved name").to_string();
    assert!(
        said.starts_with("site.toml:5:1: `headers` is Date = \"x\"; accepted: names"),
        "{said}"
    );
    for bad in ["X = \"a\\r\\nY: b\"", "X = 5", "\"a b\" = \"c\"", "Content-Length = \"1\""] {
        let said = read(&format!("[[rule]]\npath = \"/\"\nheaders = {{ {bad} }}\n"));
        let said = said.expect_err(bad).to_string();
        assert!(said.starts_with("site.toml:3:13: `headers` is "), "{said}");
    }
    check(
        "[[rule]]\npath = \"/\"\n[rule.cors]\norigin = \"*\"\n",
        "site.toml:4:1: unknown key `origin`; did you mean `origins`? accepted here: credentials, \
         expose, headers, max_age, methods, origins",
    );
    check(
        "[[rule]]\npath = \"/\"\ncors = { origins = \"*\", credentials = true }\n",
        "site.toml:3:39: `cors.credentials` is true for all origins, which browsers refuse; \
         accepted: with a list of origins",
    );
    check(
        "[[rule]]\npath = \"/\"\ncors = { max_age = \"1s\" }\n",
        "site.toml:3:20: `cors` has no `origins`; accepted: origins such as \
         \"https://example.org\", or \"*\"",
    );
    check(
        "[[rule]]\npath = \"/\"\nauth = { realm = \"x\" }\n",
        "site.toml:3:18: `auth` has neither `users` nor a `file`; accepted: one of them, or both",
    );
    check(
        "[[rule]]\npath = \"/\"\n[rule.auth.users]\nali = \"secret\"\n",
        "site.toml:4:1: `auth.users` is ali = \"secret\"; accepted: names without a colon, with \
         bcrypt hashes as `sluicegate hash-password` makes them",
    );
    check(
        "[[rule]]\npath = \"/\"\n",
        "site.toml:1:1: this rule says nothing; accepted: `path` and what is to hold there",
    );
    check("listing = \"true\"\n", "site.toml:1:11: `listing` is \"true\"; accepted: true or false");
}

#[test]
fn a_page_behind_a_login_is_not_shown_to_all() {
    check(
        "fallback = \"/app/index.html\"\n[errors]\n404 = \"/404.html\"\n[[rule]]\npath = \"/app\"\n\
         auth = { file = \"users\" }\n",
        "site.toml:1:12: `fallback` is \"/app/index.html\", which needs a login by the rule for \
         /app, but would be shown to all; accepted: a page that needs none",
    );
}

#[test]
fn redirects_and_hosts_are_checked_together() {
    check(
        "[[redirect]]\nfrom = \"/a/*\"\nto = \"/a/b\"\n",
        "site.toml:3:6: `to` lies where `from` redirects: clients would go in a circle",
    );
    check(
        "[[redirect]]\nfrom = \"/a\"\nto = \"/b\"\nstatus = 303\n",
        "site.toml:4:10: `status` is 303; accepted: 301, 302, 307, 308",
    );
    check(
        "[[redirect]]\nfrom = \"/a\"\n",
        "site.toml:1:1: this redirect has no `to`; accepted: a path or an address, such as \
         \"/new\", \"/new/*\" or \"https://example.org/*\"",
    );
    check(
        "[[host]]\nname = \"a\"\nroot = \"a\"\n[[host]]\nname = [\"b\", \"A\"]\nroot = \"b\"\n",
        "site.toml:5:8: the host \"a\" has a site already; one each is accepted",
    );
    check(
        "[[host]]\nname = \"a\"\n",
        "site.toml:1:1: this host has no `root`; accepted: the path of a directory or a volume",
    );
    check(
        "strict_hosts = true\n",
        "site.toml:1:16: `strict_hosts` refuses everything while no [[host]] is there; accepted: \
         with one at least",
    );
    check(
        "[errors]\n418 = \"/x\"\n",
        "site.toml:2:1: unknown key `418`; did you mean `416`? accepted here: 401, 404, 405, 416, \
         429, 500, 503, 504",
    );
}

#[test]
fn a_host_is_a_site_of_its_own() {
    let config = read(
        "index = \"a.html\"\n[[rule]]\npath = \"/\"\ncache_control = \"no-cache\"\n\
         [[host]]\nname = \"B.example\"\nroot = \"b\"\n[[host.rule]]\n\
         path = \"*.js\"\nlisting = true\n\
         [host.errors]\n404 = \"/404.html\"\n",
    )
    .expect("all of this is known");
    let [host] = &config.hosts[..] else { panic!("one host") };
    assert_eq!(
        (host.names.as_slice(), host.index.as_slice()),
        (&["b.example".to_owned()][..], &["index.html".to_owned()][..],)
    );
    assert_eq!((config.site.rules.len(), host.rules.len()), (1, 1));
    assert_eq!((host.rules[0].listing, &host.rules[0].headers), (Some(true), &Vec::new()));
    assert_eq!(host.errors, [(404, "/404.html".to_owned())]);
    assert!(config.routes.is_empty(), "the demo's handlers are for the demo alone");
}
