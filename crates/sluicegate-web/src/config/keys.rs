//! The one description of every setting: its name, what it accepts, its default and what it is for.
use super::key::{Group, Key, Kind, Preset, each, key};
use sluicegate_io::Asked;
use std::time::Duration;

const KIB: u64 = 1024;
const GIB: u64 = KIB * KIB * KIB;

/// More workers than this are refused: each is a thread with its own sockets.
pub const WORKERS_MAX: u64 = 1024;

/// The longest page that is sent whole: a connection with more than twice as much unsent is
/// closed as too slow.
pub const PAGE_MAX: u64 = 2 * KIB * KIB;

/// The weights of flows, as [`sluicegate::Tag::set_weight`] takes them.
const WEIGHTS: [u64; 8] = [1, 2, 4, 8, 16, 32, 64, 128];

const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

use Kind::{
    Address, Addresses, Bytes, Choice, Choices, Count, Counts, Cpus, Directory, Endpoint, Fields,
    File, Hosts,
};
use Kind::{Line, Mount, Names, Networks, Number, Origins, Output, Page, Pattern, Span, Switch};
use Kind::{SwitchOrField, Token, Tokens, Types, Users};
use Preset::{Found, Nothing, Required, Text};

/// The whole file.
pub static FILE: Group = Group {
    name: "",
    keys: KEYS,
    groups: &[&ROUTE, &CLASS, &RULE, &REDIRECT, &HOST],
    doc: "the settings of a service",
};

/// `[[route]]`.
pub static ROUTE: Group = Group {
    name: "route",
    keys: ROUTE_KEYS,
    groups: &[],
    doc: "a built-in handler, mounted over all sites",
};

/// `[[class]]`.
pub static CLASS: Group = Group {
    name: "class",
    keys: CLASS_KEYS,
    groups: &[],
    doc: "who is more or less important than a route with a target says; the first that is for a \
          request counts",
};

/// `[[rule]]`.
pub static RULE: Group = Group {
    name: "rule",
    keys: RULE_KEYS,
    groups: &[],
    doc: "what holds for some paths; all rules that match apply in their order, the later wins",
};

/// `[[redirect]]`.
pub static REDIRECT: Group = Group {
    name: "redirect",
    keys: REDIRECT_KEYS,
    groups: &[],
    doc: "sends clients from one path to another; the first that matches counts",
};

/// `[[host]]`.
pub static HOST: Group = Group {
    name: "host",
    keys: HOST_KEYS,
    groups: &[&RULE, &REDIRECT],
    doc: "a site of its own for some names; what stands outside of it does not hold in it",
};

/// The settings of a service.
pub static KEYS: &[Key] =
    &joined::<{ PLACE_KEYS.len() + SITE_KEYS.len() + SERVICE_KEYS.len() }>(&[
        PLACE_KEYS,
        SITE_KEYS,
        SERVICE_KEYS,
    ]);

/// Where the service is, and what serves.
const PLACE_KEYS: &[Key] = &[
    key("listen", Addresses, Text("127.0.0.1:8080"), "where the site is served"),
    key(
        "admin",
        Address,
        Text("127.0.0.1:9900"),
        "where the net shows itself, and is changed by whoever reaches it",
    ),
    key(
        "admin_token_file",
        File,
        Nothing,
        "a file with the token that the admin listener asks for; it has to, unless its address is \
         a loopback one or a Unix socket",
    ),
    key("admin_hosts", Hosts, Nothing, "names by which it is asked, beside its address"),
    key("workers", Count(1, WORKERS_MAX), Found("the CPUs the process may use"), "pinned threads"),
    key(
        "cpus",
        Cpus,
        Nothing,
        "CPUs that the workers keep to, the first worker to the first, and on; the system moves \
         them unless it is given",
    ),
    key("io", Choice(&Asked::NAMES), Text("auto"), "what moves the bytes"),
    key(
        "direct",
        Switch,
        Text("false"),
        "connections take no open files of the process, but places of io_uring",
    ),
    key(
        "root",
        Directory,
        Found("the bundled demo site"),
        "the directory or volume that is served",
    ),
];

/// What a site may say, the one of the file as well as that of a `[[host]]`.
const SITE_KEYS: &[Key] = &[
    key("index", Names, Text("index.html"), "files that stand for their directory, first found"),
    key(
        "fallback",
        Page,
        Nothing,
        "served with 200 in the place of what is missing, to who accepts text/html",
    ),
    key("listing", Switch, Text("false"), "show what is in directories without an index"),
    key("errors.401", Page, Nothing, "page in the place of 401, not logged in"),
    key("errors.404", Page, Nothing, "page in the place of 404, not found"),
    key("errors.405", Page, Nothing, "page in the place of 405, method not allowed"),
    key("errors.416", Page, Nothing, "page in the place of 416, no such part of a file"),
    key("errors.429", Page, Nothing, "page in the place of 429, too much for one client"),
    key("errors.500", Page, Nothing, "page in the place of 500, a fault in the server"),
    key("errors.503", Page, Nothing, "page in the place of 503, too much to do"),
    key("errors.504", Page, Nothing, "page in the place of 504, too late"),
];

/// What stands for the service as a whole.
const SERVICE_KEYS: &[Key] = &[
    key("strict_hosts", Switch, Text("false"), "answer 421 to hosts that no [[host]] names"),
    key("drain", Span(secs(0), secs(3600)), Text("5s"), "how long a stop may take"),
    key("limits.head", Bytes(KIB, 63 * KIB), Text("16 KiB"), "longest head of a request"),
    key("limits.fields", Count(1, 256), Text("100"), "most fields in a head"),
    key("limits.body", Bytes(0, GIB), Text("1 MiB"), "longest body of a request"),
    key(
        "limits.bodies",
        Bytes(16 * KIB, 1 << 40),
        Text("128 MiB"),
        "bodies that each worker holds at once; more are refused",
    ),
    key(
        "limits.head_time",
        Span(Duration::from_millis(10), secs(600)),
        Text("10s"),
        "a head is complete this long after its first byte",
    ),
    key(
        "limits.idle",
        Span(Duration::from_millis(10), secs(86_400)),
        Text("75s"),
        "an idle connection is closed after this",
    ),
    key("limits.rate", Bytes(1, GIB), Text("1 KiB"), "slowest body or reply, in bytes each second"),
    key(
        "limits.rate_after",
        Span(Duration::from_millis(10), secs(600)),
        Text("10s"),
        "when the slowest rate begins to hold",
    ),
    key(
        "limits.connections",
        Count(1, 10_000_000),
        Found("what the open files allow, 100000 at most"),
        "most connections of each worker at once",
    ),
    key(
        "limits.when_full",
        Choice(&["wait", "refuse"]),
        Text("wait"),
        "further connections wait in the kernel's queue, or are answered 503",
    ),
    key(
        "limits.per_address",
        Count(0, 10_000_000),
        Text("0"),
        "most connections of one client address (IPv6: of one /64); 0: no bound",
    ),
    key(
        "cache.budget",
        Bytes(0, 1 << 50),
        Found("a quarter of memory, 1 GiB at most"),
        "bytes of files and volumes kept in memory",
    ),
    key(
        "cache.hot_list",
        File,
        Nothing,
        "a file with the names of what is hot in volumes: written each minute and at the end, and \
         read into memory by the next start",
    ),
    key(
        "cache.registered",
        Switch,
        Text("false"),
        "memory of volumes is registered with io_uring: reads of 32 KiB cost an eighth less, and \
         all of the budget is taken at the start",
    ),
    key(
        "cache.stream_above",
        Bytes(0, PAGE_MAX),
        Text("1 MiB"),
        "a larger file is streamed in pieces, not kept",
    ),
    key(
        "compression.effort",
        Choice(&["off", "low", "medium", "high"]),
        Text("medium"),
        "how small cached files are made for clients that accept it",
    ),
    key(
        "compression.encodings",
        Choices(&["br", "zstd", "gzip"]),
        Found("br, zstd, gzip"),
        "the codings, the preferred one first",
    ),
    key("compression.min", Bytes(0, PAGE_MAX), Text("512 B"), "shorter files are never coded"),
    key(
        "compression.types",
        Types,
        Found("text and the like"),
        "media types that are coded, such as text/html, text/*, *+xml",
    ),
    key("log.access", Output, Found("no access log"), "where requests are logged"),
    key("log.format", Choice(&["common", "combined", "json"]), Text("combined"), "its lines"),
    key(
        "log.when_full",
        Choice(&["shed", "wait"]),
        Text("shed"),
        "a log that cannot keep up: shed: lines are left out, in the end lost, and counted; wait: \
         requests wait",
    ),
    key(
        "log.rotate_size",
        Bytes(64 * KIB, 1 << 50),
        Found("an eighth of log.budget; without one no limit"),
        "the file is ended, and another begun, before it is larger",
    ),
    key(
        "log.rotate_age",
        Span(secs(60), secs(366 * 86_400)),
        Nothing,
        "the same for each such span of time, counted from 1970 UTC (1h, 24h ...)",
    ),
    key(
        "log.budget",
        Bytes(KIB * KIB, 1 << 50),
        Nothing,
        "bytes of the file and those ended before; the oldest are removed for it",
    ),
    key(
        "log.request_id",
        SwitchOrField,
        Text("false"),
        "every request gets an id, told in this field (true: X-Request-Id) and in the log",
    ),
    key("log.trust_request_id", Switch, Text("false"), "an id that a client sends is kept"),
    key("log.server_timing", Switch, Text("false"), "replies tell how long they took"),
    key(
        "otlp.endpoint",
        Endpoint,
        Nothing,
        "a collector to which kept flows are sent as spans, by OTLP over HTTP: /v1/traces there",
    ),
    key("otlp.service", Line, Found("the name of the program"), "service.name of these spans"),
    key(
        "otlp.version",
        Line,
        Found("that of sluicegate; of an application none"),
        "service.version of these spans",
    ),
    key(
        "deadline.headers",
        Tokens,
        Nothing,
        "fields that say how long a client waits, such as grpc-timeout; later its request is \
         dropped",
    ),
    key(
        "pool.threads",
        Counts(1, 1024),
        Text("4"),
        "threads that may wait for the disk; of a range as many as help",
    ),
    key(
        "pool.handlers",
        Counts(1, 1024),
        Found("as many as workers"),
        "threads for burn in the pool, and for net; of a range as many as help",
    ),
    key(
        "resources.memory",
        Bytes(KIB * KIB, 1 << 50),
        Found("what the process may use"),
        "memory of the process: routes with a target refuse from 85 % of it on, and the page cache \
         is made smaller",
    ),
    key(
        "resources.descriptors",
        Count(16, 1 << 32),
        Nothing,
        "open files and sockets of the process: the same from 85 % of these on",
    ),
    key(
        "resources.cpu_pressure",
        Count(1, 100),
        Nothing,
        "percent of time in which something waits for a CPU: the same from half of it on",
    ),
    key(
        "resources.memory_pressure",
        Count(1, 100),
        Nothing,
        "percent of time in which something waits for memory: the same from half of it on",
    ),
    key(
        "resources.io_pressure",
        Count(1, 100),
        Nothing,
        "percent of time in which something waits for a disk: the same from half of it on",
    ),
    key(
        "resources.cpu_throttling",
        Count(1, 100),
        Nothing,
        "percent of periods in which the control group is throttled: the same from half of it on",
    ),
    key(
        "resources.run_delay",
        Span(Duration::from_millis(1), secs(10)),
        Nothing,
        "how long workers wait for a CPU, in the mean: the same from half of it on",
    ),
];

/// The settings of one `[[route]]`.
pub static ROUTE_KEYS: &[Key] = &[
    key("path", Mount, Required, "where the handler is mounted over the site"),
    key(
        "handler",
        Choice(&["echo", "burn", "sleep", "net", "panic", "app"]),
        Required,
        "echo: the body comes back; burn: ?us=N of CPU, or under overload as little as &least=N; \
         sleep: ?ms=N, holding no thread; \
         net: the net as JSON; panic: a handler that panics, to test with; \
         app: the application of the program that serves it",
    ),
    key("domain", Choice(&["inline", "pool"]), Text("pool"), "where burn burns"),
    key(
        "target",
        Span(Duration::from_millis(1), secs(600)),
        Nothing,
        "for burn, echo and app: what is admitted is handled in this time, the rest refused at \
         once",
    ),
    key(
        "refuse",
        Switch,
        Text("false"),
        "for burn, echo and app: out of service; all is refused at once, with 503",
    ),
    key(
        "class",
        Count(0, 255),
        Text("0"),
        "with a target: the higher goes first, and pushes out the lower when there is too much",
    ),
    key(
        "weight",
        Number(&WEIGHTS),
        Text("1"),
        "with a target: who asks here gets so many times the time of other clients of its class, \
         when there is too much",
    ),
    key(
        "clients",
        Kind::Clients,
        Text("address"),
        "with a target: who is one client among those that share; behind a proxy all have one \
         address",
    ),
    key(
        "deadline",
        Span(Duration::from_millis(1), secs(3600)),
        Nothing,
        "a request that has not been begun in this time is dropped, and answered 504",
    ),
    key(
        "instead",
        Page,
        Nothing,
        "with a target or refuse: served with 200 in the place of what is refused, to who only \
         reads",
    ),
];

/// The settings of one `[[class]]`.
pub static CLASS_KEYS: &[Key] = &[
    key("class", Count(0, 255), Required, "how important these requests are; higher is more"),
    key(
        "weight",
        Number(&WEIGHTS),
        Nothing,
        "how many times the time of other clients of the class theirs get; unless given what the \
         route says",
    ),
    key("header", Token, Nothing, "those with this field"),
    key("cookie", Token, Nothing, "those with this cookie"),
    key("value", Line, Nothing, "what the field or cookie says, exactly; anything unless given"),
    key("address", Networks, Nothing, "those from these addresses; with the above: both"),
    key("path", Pattern, Nothing, "those among them that ask for this"),
];

/// The settings of one `[[rule]]`.
pub static RULE_KEYS: &[Key] = &[
    key(
        "path",
        Pattern,
        Required,
        "\"/a\" is that path and all below; \"*.js\" and \"/a/*.js\" end so, at any depth",
    ),
    key("headers", Fields, Nothing, "fields for all replies of the site"),
    key("cache_control", Line, Nothing, "Cache-Control of replies with content"),
    key("listing", Switch, Nothing, "show what is in directories without an index, or do not"),
    key("cors.origins", Origins, Nothing, "who may read replies from pages of other origins"),
    key("cors.methods", Tokens, Text("GET, HEAD"), "methods that a preflight allows"),
    key("cors.headers", Tokens, Nothing, "fields of a request that a preflight allows"),
    key("cors.expose", Tokens, Nothing, "fields of a reply that scripts may read"),
    key("cors.max_age", Span(secs(0), secs(86_400)), Nothing, "how long a preflight is kept"),
    key("cors.credentials", Switch, Text("false"), "allow requests with cookies and logins"),
    key("auth.realm", Line, Text("restricted"), "what a client is told it logs in to"),
    key("auth.users", Users, Nothing, "who may log in: names with bcrypt hashes"),
    key("auth.file", File, Nothing, "the same in a file of lines `name:hash`"),
];

/// The settings of one `[[redirect]]`.
pub static REDIRECT_KEYS: &[Key] = &[
    key("from", Kind::From, Required, "\"/a\" is that path alone, \"/a/*\" all below it"),
    key("to", Kind::To, Required, "a path or an http(s) address; `*` stands for the rest"),
    key("status", Number(&[301, 302, 307, 308]), Text("301"), "the status of the reply"),
];

/// The settings of one `[[host]]`.
pub static HOST_KEYS: &[Key] =
    &joined::<{ HOST_OWN.len() + SITE_KEYS.len() }>(&[HOST_OWN, SITE_KEYS]);

const HOST_OWN: &[Key] = &[
    key("name", Hosts, Required, "names the site answers to; \"*.example.org\" is all below"),
    key("root", Directory, Required, "the directory or volume that is served"),
];

/// Lists of settings as one, of their length together.
const fn joined<const N: usize>(lists: &[&[Key]]) -> [Key; N] {
    let mut all = [lists[0][0]; N];
    let (mut list, mut to) = (0, 0);
    while list < lists.len() {
        let mut from = 0;
        while from < lists[list].len() {
            all[to] = lists[list][from];
            (from, to) = (from + 1, to + 1);
        }
        list += 1;
    }
    assert!(to == N);
    all
}

/// All settings as text: name, what it accepts, default and purpose, one line each.
pub fn describe() -> String {
    let mut text = String::new();
    each(&FILE, "", &mut |name, key| {
        let preset = match key.preset {
            Text(text) => format!("default {text}"),
            Found(how) => format!("default: {how}"),
            Nothing => "default: none".to_owned(),
            Required => "required".to_owned(),
        };
        text.push_str(&format!("  {name:<22} {} ({preset})\n", key.doc));
    });
    text
}
