//! Configurations and what is said about them.
use super::classes::{CLASSIFIERS_MAX, NETWORKS_MAX};
use super::*;

const MACHINE: Machine = Machine { cpus: 3, memory: 1 << 30, files: 4096 };

fn read(toml: &str) -> Result<Config, Complaints> {
    Config::new(&Settings::from_toml("site.toml", toml)?, MACHINE)
}

/// The complaint about `toml` is exactly this.
#[track_caller]
fn check(toml: &str, expected: &str) {
    let said = read(toml).expect_err("this cannot be used").to_string();
    assert_eq!(said, expected);
}

#[test]
fn an_unknown_key_is_told_with_the_nearest_known_one() {
    check(
        "workers = 2\nlisen = \"127.0.0.1:80\"\n",
        "site.toml:2:1: unknown key `lisen`; did you mean `listen`? accepted here: admin, cache, \
         class, compression, deadline, direct, drain, errors, fallback, host, index, io, limits, \
         listen, listing, log, pool, redirect, resources, root, route, rule, strict_hosts, workers",
    );
    check(
        "[cache]\nbudgets = 1\n",
        "site.toml:2:1: unknown key `budgets`; did you mean `budget`? accepted here: budget, \
         stream_above",
    );
    check(
        "[limits]\n  hed = 1\n",
        "site.toml:2:3: unknown key `hed`; did you mean `head`? accepted here: bodies, body, \
         connections, fields, head, head_time, idle, per_address, rate, rate_after, when_full",
    );
    check(
        "[[route]]\npath = \"/\"\nhandle = \"echo\"\n",
        "site.toml:3:1: unknown key `handle`; did you mean `handler`? accepted here: class, \
         clients, deadline, domain, handler, instead, path, refuse, target",
    );
    check(
        "zzzzzzzz = 1\n",
        "site.toml:1:1: unknown key `zzzzzzzz`; accepted here: admin, cache, class, compression, \
         deadline, direct, drain, errors, fallback, host, index, io, limits, listen, listing, \
         log, pool, redirect, resources, root, route, rule, strict_hosts, workers",
    );
}

#[test]
fn a_value_is_told_with_what_would_be_accepted() {
    check(
        "workers = 0\n",
        "site.toml:1:11: `workers` is 0; accepted: a whole number from 1 to 1024",
    );
    check(
        "workers = -1\n",
        "site.toml:1:11: `workers` is -1; accepted: a whole number from 1 to 1024",
    );
    check(
        "drain = 5\n",
        "site.toml:1:9: `drain` is 5; accepted: a time from 0ns to 3600s, such as \"500ms\", \
         \"5s\" or \"2m\"",
    );
    check(
        "listen = [\"127.0.0.1\"]\n",
        "site.toml:1:10: `listen` is [\"127.0.0.1\"]; accepted: addresses such as \
         \"127.0.0.1:8080\", \"[::1]:8080\" or \"unix:/run/site.sock\"",
    );
    check(
        "listen = []\n",
        "site.toml:1:10: `listen` is an empty list; accepted: addresses such as \
         \"127.0.0.1:8080\", \"[::1]:8080\" or \"unix:/run/site.sock\"",
    );
    check(
        "[cache]\nbudget = \"256 MB\"\n",
        "site.toml:2:10: `cache.budget` is \"256 MB\"; accepted: bytes from 0 B to 1 PiB, such \
         as 65536 or \"64 KiB\"",
    );
    check(
        "index = [\"../index.html\"]\n",
        "site.toml:1:9: `index` is [\"../index.html\"]; accepted: plain file names such as \
         \"index.html\"",
    );
    check(
        "[[route]]\npath = \"/x\"\nhandler = \"ehco\"\n",
        "site.toml:3:11: `handler` is \"ehco\"; accepted: \"echo\", \"burn\", \"sleep\", \
         \"net\", \"panic\"",
    );
    check("root = true\n", "site.toml:1:8: `root` is true; accepted: the path of a directory");
}

#[test]
fn the_shape_of_the_file_is_checked() {
    check("cache = 5\n", "site.toml:1:1: `cache` is 5; accepted: a table [cache]");
    check(
        "[route]\npath = \"/x\"\n",
        "site.toml:1:2: `route` is a table; accepted: [[route]], one for each route",
    );
    check("route = [5]\n", "site.toml:1:10: a route is 5; accepted: [[route]] and its keys");
    check(
        "\n[[route]]\nhandler = \"echo\"\n",
        "site.toml:2:1: this route has no `path`; accepted: a path such as \"/echo\"",
    );
    check(
        "[[route]]\npath = \"/e\"\nhandler = \"echo\"\ndomain = \"inline\"\n",
        "site.toml:4:10: `domain` is for the handler \"burn\" alone; leave it out here",
    );
    check(
        "[[route]]\npath = \"/e\"\nhandler = \"echo\"\n\
         [[route]]\npath = \"/e/\"\nhandler = \"net\"\n",
        "site.toml:4:1: the path \"/e\" has a route already; one each is accepted",
    );
    let broken = read("listen = \n").expect_err("this is not TOML").to_string();
    assert!(broken.starts_with("site.toml:1:10: this is not TOML: "), "{broken}");
    let twice = read("workers = 1\nworkers = 2\n").expect_err("twice").to_string();
    assert!(twice.starts_with("site.toml:2:1: this is not TOML: duplicate key"), "{twice}");
}

#[test]
fn all_complaints_are_told_in_the_order_of_the_file() {
    check(
        "workers = 0\n[cache]\nx = 1\n[[rule]]\npath = \"a\"\n",
        "site.toml:1:11: `workers` is 0; accepted: a whole number from 1 to 1024\n\
         site.toml:3:1: unknown key `x`; accepted here: budget, stream_above\n\
         site.toml:5:8: `path` is \"a\"; accepted: \"/\", \"/assets\", \"*.js\" or \
         \"/assets/*.js\"",
    );
}

#[test]
fn nothing_typed_is_the_demo_site() {
    let config = read("").expect("an empty file is complete");
    assert_eq!(config.listen, ["127.0.0.1:8080".parse::<Addr>().unwrap()]);
    assert_eq!(config.admin, "127.0.0.1:9900".parse().unwrap());
    assert!(!config.admin_asked);
    assert_eq!((config.workers, config.site.root, config.pool_threads), (3, None, 4.into()));
    assert_eq!(config.site.index, ["index.html"]);
    assert_eq!(config.drain, Duration::from_secs(5));
    assert_eq!(config.cache_budget, 256 << 20);
    assert_eq!(config.stream_above, 1 << 20);
    assert_eq!(
        (config.limits.head, config.limits.fields, config.limits.body),
        (16384, 100, 1 << 20)
    );
    assert_eq!(config.limits.head_time, Duration::from_secs(10));
    assert_eq!(config.limits.idle, Duration::from_secs(75));
    assert_eq!((config.limits.rate, config.limits.rate_after), (1024, Duration::from_secs(10)));
    assert_eq!((config.limits.bodies, config.limits.connections), (128 << 20, 1024));
    assert!(!config.limits.refuse_when_full && config.limits.per_address.is_none());
    let routes: Vec<_> = config.routes.iter().map(|r| (r.path.as_str(), r.handler)).collect();
    assert_eq!(routes, super::routes::DEMO_ROUTES);
}

#[test]
fn everything_typed_is_taken() {
    let config = read(
        r#"
        listen = ["127.0.0.1:1", "[::1]:2", "unix:/run/x.sock"]
        admin = "127.0.0.1:3"
        workers = 7
        root = "site"
        index = ["a.html", "b.html"]
        drain = "250ms"
        [limits]
        head = "8 KiB"
        fields = 10
        body = 0
        head_time = "1s"
        idle = "2m"
        rate = 2048
        rate_after = "3s"
        bodies = "16 KiB"
        connections = 50
        when_full = "refuse"
        per_address = 20
        [cache]
        budget = "256 MiB"
        stream_above = "64 KiB"
        [pool]
        threads = "2..9"
        [[route]]
        path = "/b/"
        handler = "burn"
        domain = "inline"
        [[route]]
        path = "/p"
        handler = "panic"
        "#,
    )
    .expect("all of this is known");
    assert_eq!(config.listen.len(), 3);
    assert!(config.admin_asked);
    assert_eq!(config.site.root.as_deref(), Some(std::path::Path::new("site")));
    assert_eq!((config.workers, config.pool_threads, config.limits.body), (7, (2..=9).into(), 0));
    assert_eq!(config.limits.idle, Duration::from_secs(120));
    assert_eq!((config.limits.bodies, config.limits.connections), (16 << 10, 50));
    assert!(config.limits.refuse_when_full);
    assert_eq!(config.limits.per_address.map(NonZeroU32::get), Some(20));
    assert_eq!((config.cache_budget, config.stream_above), (256 << 20, 64 << 10));
    assert_eq!(
        config.routes,
        [Route::new("/b", Handler::BurnInline), Route::new("/p", Handler::Panic)],
        "a directory brings no routes of the demo site"
    );
}

#[test]
fn connections_leave_files_for_all_else() {
    let connections = |files, toml| {
        let typed = Settings::from_toml("site.toml", toml).unwrap();
        Config::new(&typed, Machine { files, ..MACHINE }).unwrap().limits.connections
    };
    for (files, expected) in [(0, 1), (400, 300), (20_000, 18_976), (1 << 40, 100_000)] {
        assert_eq!(connections(files, "workers = 1"), expected, "{files}");
    }
    assert_eq!(connections(400, "workers = 3"), 100);
    assert_eq!(connections(400, "[limits]\nconnections = 5000\n"), 5000);
    let direct = "workers = 3\ndirect = true";
    for (files, expected) in [(400, 1), (20_000, 19_488), (1 << 40, 100_000)] {
        assert_eq!(connections(files, direct), expected, "{files}: each worker has places");
    }
}

#[test]
fn one_body_has_room_in_any_case() {
    let config = read("[limits]\nbody = \"2 MiB\"\nbodies = \"1 MiB\"\n").unwrap();
    assert_eq!(config.limits.http().bodies, 2 << 20);
}

#[test]
fn a_flag_replaces_what_the_file_says() {
    let mut settings = Settings::from_toml("site.toml", "workers = 5").unwrap();
    settings.set("workers", "--workers", &["2".to_owned()]).unwrap();
    let said = settings.set("workers", "--workers", &["many".to_owned()]).unwrap_err();
    assert_eq!(
        said.to_string(),
        "--workers: `workers` is \"many\"; accepted: a whole number from 1 to 1024"
    );
    let listen = ["127.0.0.1:1".to_owned(), "unix:/x".to_owned()];
    settings.set("listen", "--listen", &listen).unwrap();
    let config = Config::new(&settings, MACHINE).unwrap();
    assert_eq!((config.workers, config.listen.len()), (2, 2));
}

#[test]
fn every_setting_is_described_and_its_default_is_accepted() {
    each(&FILE, "", &mut |name, key| {
        assert!(!key.doc.is_empty() && describe().contains(key.doc), "{name}");
        assert!(!key.kind.accepts().is_empty(), "{name}");
        if let Preset::Text(text) = key.preset {
            assert!(key.kind.read(text).is_some(), "{name}");
        }
    });
}

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
        "site.toml:1:1: this host has no `root`; accepted: the path of a directory",
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

#[test]
fn a_log_is_described_in_its_table() {
    let plain = read("").expect("all is optional");
    assert_eq!((plain.log, plain.request_id, plain.server_timing), (None, None, false));
    let text = "[log]\naccess = \"a.log\"\nformat = \"json\"\nwhen_full = \"wait\"\n\
                request_id = true\ntrust_request_id = true\nserver_timing = true\n";
    let config = read(text).expect("known settings");
    let target = crate::log::Target::File("a.log".into());
    let log = Log { target, format: crate::log::Format::Json, waits: true };
    assert_eq!((config.log, config.server_timing), (Some(log), true));
    let id = RequestId { field: "X-Request-Id".into(), trust: true };
    assert_eq!(config.request_id, Some(id));
    let config = read("[log]\naccess = \"stderr\"\nrequest_id = \"Trace\"\n").expect("known too");
    assert_eq!(config.log.map(|log| log.target), Some(crate::log::Target::Stderr));
    assert_eq!(config.request_id.map(|id| (id.field, id.trust)), Some(("Trace".into(), false)));
    check(
        "[log]\nrequest_id = \"no name\"\n",
        "site.toml:2:14: `log.request_id` is \"no name\"; accepted: true, false or the name of a \
         field such as \"X-Request-Id\"",
    );
    check(
        "[log]\nserver_timing = \"true\"\n",
        "site.toml:2:17: `log.server_timing` is \"true\"; accepted: true or false",
    );
    check(
        "[log]\naccess = true\n",
        "site.toml:2:10: `log.access` is true; accepted: \"stdout\", \"stderr\" or the path \
         of a file",
    );
}

#[test]
fn a_target_stands_where_work_can_wait_and_is_the_same_for_one_queue() {
    let route = |path: &str, more: &str| format!("[[route]]\npath = \"{path}\"\n{more}\n");
    let burn = |path: &str, more: &str| route(path, &format!("handler = \"burn\"\n{more}"));
    for handler in ["sleep", "net", "panic"] {
        check(
            &route("/x", &format!("handler = \"{handler}\"\ntarget = \"50ms\"")),
            "site.toml:4:10: `target` is for the handlers \"burn\" and \"echo\", whose work can \
             wait; leave it out here",
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
        "site.toml:4:10: `refuse` is for the handlers \"burn\" and \"echo\", whose work can wait; \
         leave it out here",
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

const GATED: &str = "[[route]]\npath = \"/x\"\nhandler = \"burn\"\ntarget = \"50ms\"\n";

#[test]
fn gates_heed_memory_by_default_and_what_else_is_asked_for() {
    let resources = |text: &str| read(text).expect("it can be used").resources;
    assert_eq!(resources(GATED), [Budget::Memory(MACHINE.memory)]);
    assert_eq!(resources(""), [Budget::Memory(MACHINE.memory)], "the demo has a gate");
    assert_eq!(resources("root = \".\"\n"), [], "and this has none");
    let all = "[resources]\nmemory = \"64 MiB\"\ndescriptors = 5000\ncpu_pressure = 80\n\
               run_delay = \"20ms\"\n";
    assert_eq!(
        resources(&format!("{all}{GATED}")),
        [
            Budget::Memory(64 << 20),
            Budget::Descriptors(5000),
            Budget::CpuPressure(80),
            Budget::RunDelay(Duration::from_millis(20)),
        ]
    );
    check(
        &format!("root = \".\"\n{all}"),
        "site.toml:3:10: `resources.memory` is heeded where a route has a `target`, and none has; \
         accepted: a route with one, or leave it out\n\
         site.toml:4:15: `resources.descriptors` is heeded where a route has a `target`, and none \
         has; accepted: a route with one, or leave it out\n\
         site.toml:5:16: `resources.cpu_pressure` is heeded where a route has a `target`, and none \
         has; accepted: a route with one, or leave it out\n\
         site.toml:6:13: `resources.run_delay` is heeded where a route has a `target`, and none \
         has; accepted: a route with one, or leave it out",
    );
    check(
        &format!("[resources]\nmemory = \"1 KiB\"\ncpu_pressure = 101\n{GATED}"),
        "site.toml:2:10: `resources.memory` is \"1 KiB\"; accepted: bytes from 1 MiB to 1 PiB, \
         such as 65536 or \"64 KiB\"\n\
         site.toml:3:16: `resources.cpu_pressure` is 101; accepted: a whole number from 1 to 100",
    );
}

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
         [[class]]\nclass = 0\ncookie = \"guest\"\n",
    ];
    let settings = Settings::from_toml("site.toml", &text.concat()).expect("known settings");
    let config = Config::new(&settings, MACHINE).expect("sound");
    let said = explain(&settings, &config);
    for line in [
        "\nroutes with a target, 1: class 10: header X-Plan \"gold\" from 10.0.0.0/8, ::1 on \
         /x/*.json\n",
        "\nroutes with a target, 2: class 0: cookie guest\n",
    ] {
        assert!(said.contains(line), "{said}");
    }
}

#[test]
fn a_page_stands_in_the_place_of_what_a_target_refuses() {
    let config = read(&format!("{GATED}instead = \"/busy.html\"\n")).expect("known settings");
    assert_eq!(config.routes[0].instead.as_deref(), Some("/busy.html"));
    let route = "[[route]]\npath = \"/x\"\nhandler = \"burn\"\n";
    check(
        &format!("{route}instead = \"/busy.html\"\n"),
        "site.toml:4:11: `instead` is served where a `target` has this route refuse, and it has \
         none; accepted: both, or neither",
    );
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
