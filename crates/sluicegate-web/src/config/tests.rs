//! Configurations as a whole and what is said about them; tables have tests of their own.
use super::*;

pub(super) const MACHINE: Machine = Machine { cpus: 3, memory: 1 << 30, files: 4096 };

/// A route that a gate bounds, in four lines.
pub(super) const GATED: &str = "[[route]]\npath = \"/x\"\nhandler = \"burn\"\ntarget = \"50ms\"\n";

pub(super) fn read(toml: &str) -> Result<Config, Complaints> {
    Config::new(&Settings::from_toml("site.toml", toml)?, MACHINE)
}

/// The complaint about `toml` is exactly this.
#[track_caller]
pub(super) fn check(toml: &str, expected: &str) {
    let said = read(toml).expect_err("this cannot be used").to_string();
    assert_eq!(said, expected);
}

#[test]
fn an_unknown_key_is_told_with_the_nearest_known_one() {
    check(
        "workers = 2\nlisen = \"127.0.0.1:80\"\n",
        "site.toml:2:1: unknown key `lisen`; did you mean `listen`? accepted here: admin, \
         admin_hosts, admin_token_file, cache, class, compression, cpus, deadline, direct, drain, \
         errors, fallback, host, index, io, limits, listen, listing, log, otlp, pool, redirect, \
         resources, root, route, rule, strict_hosts, workers",
    );
    check(
        "[cache]\nbudgets = 1\n",
        "site.toml:2:1: unknown key `budgets`; did you mean `budget`? accepted here: budget, \
         hot_list, registered, stream_above",
    );
    check(
        "[limits]\n  hed = 1\n",
        "site.toml:2:3: unknown key `hed`; did you mean `head`? accepted here: bodies, body, \
         connections, fields, head, head_time, idle, per_address, rate, rate_after, when_full",
    );
    check(
        "[[route]]\npath = \"/\"\nhandle = \"echo\"\n",
        "site.toml:3:1: unknown key `handle`; did you mean `handler`? accepted here: class, \
         clients, deadline, domain, handler, instead, path, refuse, target, weight",
    );
    check(
        "zzzzzzzz = 1\n",
        "site.toml:1:1: unknown key `zzzzzzzz`; accepted here: admin, admin_hosts, \
         admin_token_file, cache, class, compression, cpus, deadline, direct, drain, errors, \
         fallback, host, index, io, limits, listen, listing, log, otlp, pool, redirect, resources, \
         root, route, rule, strict_hosts, workers",
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
         \"net\", \"panic\", \"app\"",
    );
    check(
        "root = true\n",
        "site.toml:1:8: `root` is true; accepted: the path of a directory or a volume",
    );
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
         site.toml:3:1: unknown key `x`; accepted here: budget, hot_list, registered, \
         stream_above\n\
         site.toml:5:8: `path` is \"a\"; accepted: \"/\", \"/assets\", \"*.js\" or \
         \"/assets/*.js\"",
    );
}

#[test]
fn nothing_typed_is_the_demo_site() {
    let config = read("").expect("an empty file is complete");
    assert_eq!(config.listen, ["127.0.0.1:8080".parse::<Addr>().unwrap()]);
    assert_eq!(config.admin, Some("127.0.0.1:9900".parse().unwrap()));
    assert!(!config.admin_asked);
    assert_eq!((config.workers, &config.cpus, &config.site.root), (3, &None, &None));
    assert_eq!((config.pool_threads, config.pool_handlers), (4.into(), 3.into()));
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
        cpus = "0-2,5"
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
        handlers = "1..64"
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
    assert_eq!((config.workers, config.limits.body), (7, 0));
    assert_eq!(config.cpus.map(|cpus| cpus.to_string()).as_deref(), Some("0-2,5"));
    assert_eq!((config.pool_threads, config.pool_handlers), ((2..=9).into(), (1..=64).into()));
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
fn there_are_as_many_workers_as_cpus_that_they_keep_to() {
    assert_eq!(read("cpus = \"4-7, 0\"\n").unwrap().workers, 5);
    assert_eq!(read("cpus = \"4-7\"\nworkers = 2\n").unwrap().workers, 2);
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
