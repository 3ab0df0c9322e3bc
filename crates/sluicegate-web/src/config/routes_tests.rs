//! Routes and what is said about them.
use super::*;
use crate::config::Config;
use crate::config::tests::{GATED, MACHINE, check, read};
use sluicegate_files::Order;

#[test]
fn a_target_stands_where_work_can_wait_and_is_the_same_for_one_queue() {
    let route = |path: &str, more: &str| format!("[[route]]\npath = \"{path}\"\n{more}\n");
    let burn = |path: &str, more: &str| route(path, &format!("handler = \"burn\"\n{more}"));
    for handler in ["sleep", "net", "panic"] {
        check(
            &route("/x", &format!("handler = \"{handler}\"\ntarget = \"50ms\"")),
            "site.toml:4:10: `target` is for the handlers \"burn\", \"echo\" and \"app\", whose \
             work can wait; leave it out here",
        );
    }
    check(
        &burn("/x", "target = \"0ms\""),
        "site.toml:4:10: `target` is \"0ms\"; accepted: a time from 1ms to 600s, such as \
         \"500ms\", \"5s\" or \"2m\"",
    );
    check(
        &burn("/x", "target = \"50ms\"\nclass = 256"),
        "site.toml:5:9: `class` is 256; accepted: a whole number from 0 to 255",
    );
    check(
        &burn("/x", "class = 1"),
        "site.toml:4:9: `class` says who goes first where a `target` bounds what waits, and this \
         route has none; accepted: both, or neither",
    );
    check(
        &burn("/x", "weight = 2"),
        "site.toml:4:10: `weight` says who gets how much where a `target` bounds what waits, and \
         this route has none; accepted: both, or neither",
    );
    check(
        &burn("/x", "target = \"50ms\"\nweight = 3"),
        "site.toml:5:10: `weight` is 3; accepted: 1, 2, 4, 8, 16, 32, 64, 128",
    );
    check(
        &burn("/x", "clients = \"none\""),
        "site.toml:4:11: `clients` says who shares where a `target` bounds what waits, and this \
         route has none; accepted: both, or neither",
    );
    check(
        &burn("/x", "target = \"50ms\"\nclients = \"header\""),
        "site.toml:5:11: `clients` is \"header\"; accepted: \"address\", \"none\", \
         \"header:NAME\" or \"cookie:NAME\"",
    );
    check(
        &[burn("/x", "target = \"50ms\""), burn("/y", "target = \"1s\"")].concat(),
        "site.toml:8:10: `target` is 1s for the path \"/y\", but `target` is 50ms for \"/x\", and \
         both have one queue; accepted: the same for all routes to one handler",
    );
    check(
        &[burn("/x", "target = \"50ms\""), burn("/y", "")].concat(),
        "site.toml:5:1: there is no `target` for the path \"/y\", but `target` is 50ms for \
         \"/x\", and both have one queue; accepted: the same for all routes to one handler",
    );
    check(
        &[burn("/x", "refuse = true"), burn("/y", "")].concat(),
        "site.toml:5:1: `refuse` is false for the path \"/y\", but `refuse` is true for \"/x\", \
         and both have one queue; accepted: the same for all routes to one handler",
    );
    check(
        &route("/x", "handler = \"sleep\"\nrefuse = true"),
        "site.toml:4:10: `refuse` is for the handlers \"burn\", \"echo\" and \"app\", whose work \
         can wait; leave it out here",
    );
}

#[test]
fn each_handler_has_its_own_target() {
    let span = |text: &str| Some(Duration::from_millis(text.parse().unwrap()));
    let text = "[[route]]\npath = \"/a\"\nhandler = \"burn\"\ntarget = \"70ms\"\nclass = 255\n\
        [[route]]\npath = \"/b\"\nhandler = \"burn\"\ndomain = \"inline\"\ntarget = \"80 ms\"\n\
        [[route]]\npath = \"/c\"\nhandler = \"echo\"\ntarget = \"9ms\"\n\
        clients = \"header:X-Forwarded-For\"\n\
        [[route]]\npath = \"/d\"\nhandler = \"burn\"\ntarget = \"70ms\"\n";
    let config = read(text).expect("known settings");
    let handlers = [Handler::BurnPool, Handler::BurnInline, Handler::Echo, Handler::Sleep];
    let found = handlers.map(|handler| config.target(handler));
    assert_eq!(found, [span("70"), span("80"), span("9"), None]);
    let classes: Vec<_> = config.routes[..4].iter().map(|route| route.class).collect();
    assert_eq!(classes, [255, 0, 0, 0]);
    let clients: Vec<_> =
        config.routes[..4].iter().map(|route| route.clients.to_string()).collect();
    assert_eq!(clients, ["address", "address", "header:X-Forwarded-For", "address"]);
    // The demo's own routes have the targets of their handlers, and one where nobody says.
    let demo = |config: Config| {
        let burn = config.routes.into_iter().find(|route| route.path == "/burn");
        burn.expect("the demo burns").target
    };
    assert_eq!(demo(config), span("70"));
    assert_eq!(demo(read("").unwrap()), span("50"));
    let plain = "[[route]]\npath = \"/a\"\nhandler = \"burn\"\n";
    assert_eq!(demo(read(plain).unwrap()), None);
}

#[test]
fn a_page_stands_in_the_place_of_what_a_target_refuses() {
    let config = read(&format!("{GATED}instead = \"/busy.html\"\n")).expect("known settings");
    assert_eq!(config.routes[0].instead.as_deref(), Some("/busy.html"));
    let route = "[[route]]\npath = \"/x\"\nhandler = \"burn\"\n";
    check(
        &format!("{route}instead = \"/busy.html\"\n"),
        "site.toml:4:11: `instead` is served where a `target` or `refuse` has this route refuse, \
         and it has neither; accepted: with one of them",
    );
    for refuse in [true, false] {
        let text = format!("{route}instead = \"/busy.html\"\nrefuse = {refuse}\n");
        let config = read(&text).expect("out of service now, or later");
        assert_eq!(config.routes[0].instead.as_deref(), Some("/busy.html"));
    }
    check(
        &format!("{GATED}instead = \"/dir/\"\n"),
        "site.toml:5:11: `instead` is \"/dir/\"; accepted: the path of a file of the site, such as \
         \"/404.html\"",
    );
    check(
        &format!(
            "{GATED}instead = \"/app/busy.html\"\n[[host]]\nname = \"a\"\nroot = \"a\"\n\
             [[host.rule]]\npath = \"/app\"\nauth = {{ file = \"users\" }}\n"
        ),
        "site.toml:5:11: `instead` is \"/app/busy.html\", which needs a login by the rule for \
         /app, but would be shown to all; accepted: a page that needs none",
    );
}

#[test]
fn an_application_has_all_paths_or_its_own() {
    let read = |text: &str, app: AppRoute| {
        let settings = Settings::from_toml("site.toml", text).expect("known settings");
        Config::for_app(&settings, MACHINE, app).map_err(|faults| faults.to_string())
    };
    let paths = |config: &Config| {
        let own = config.routes.iter().filter(|route| route.handler == Handler::App);
        own.map(|route| (route.path.clone(), route.target)).collect::<Vec<_>>()
    };
    let config = read("", AppRoute::default()).expect("nothing has to be said");
    assert_eq!(paths(&config), [("/".to_owned(), None)]);
    assert_eq!((config.routes.len(), config.admin, config.listen.len()), (1, None, 0));
    assert_eq!(config.compression.order, Order::NONE, "no thread for files that are not there");
    let target = Some(Duration::from_millis(20));
    let text = "admin = \"127.0.0.1:1\"\nlisten = \"127.0.0.1:2\"\nroot = \"/tmp\"\n[[route]]\n\
                path = \"/a\"\nhandler = \"app\"\ntarget = \"9ms\"\n";
    let config = read(text, AppRoute { target }).expect("it is sound");
    assert_eq!(paths(&config), [("/a".to_owned(), target)], "the program says it last");
    assert_ne!(config.compression.order, Order::NONE);
    assert!(config.admin.is_some() && config.listen.len() == 1 && !config.resources.is_empty());
    for (text, at) in
        [("root = \"/tmp\"\n", "1:8"), ("\n[[host]]\nname=\"a\"\nroot=\"/\"\n", "2:1")]
    {
        let told = read(text, AppRoute::default()).unwrap_err();
        assert!(told.starts_with(&format!("site.toml:{at}: nobody would ever see")), "{told}");
    }
}
