//! The one description of every setting: its name, what it accepts, its default and what it is for.
use std::time::Duration;

const KIB: u64 = 1024;
const GIB: u64 = KIB * KIB * KIB;

/// More workers than this are refused: each is a thread with its own sockets.
pub const WORKERS_MAX: u64 = 1024;

/// The longest page that is sent whole: a connection with more than twice as much unsent is
/// closed as too slow.
pub const PAGE_MAX: u64 = 2 * KIB * KIB;

/// What a setting accepts.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// One address: `IP:port`, `[IPv6]:port` or `unix:PATH`.
    Address,
    /// A list of addresses, or one alone.
    Addresses,
    /// A path of the file system; a relative one in a file starts at that file's directory.
    Directory,
    /// A list of plain file names, or one alone.
    Names,
    /// `stdout`, `stderr`, or the path of a file; relative as a directory is.
    Output,
    /// `true` or `false`.
    Switch,
    /// `true`, `false`, or the name of a header field.
    SwitchOrField,
    /// A path of the served tree that starts with `/`.
    Mount,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A list of these words, or one alone.
    Choices(&'static [&'static str]),
    /// A list of media types, or one alone: `text/html`, `text/*`, `*+xml`.
    Types,
    /// A whole number within bounds.
    Count(u64, u64),
    /// A number of bytes within bounds.
    Bytes(u64, u64),
    /// A span of time within bounds.
    Span(Duration, Duration),
}

/// What holds where a setting is not given.
#[derive(Clone, Copy, Debug)]
pub enum Preset {
    /// This text, read as if it had been typed.
    Text(&'static str),
    /// Found at start, as these words say.
    Found(&'static str),
    /// Nothing: the setting has to be given.
    Required,
}

/// One setting.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Dotted name: `cache.budget` is `budget` in the table `[cache]`.
    pub name: &'static str,
    /// What it accepts.
    pub kind: Kind,
    /// What holds where it is not given.
    pub preset: Preset,
    /// What it is for, in one line.
    pub doc: &'static str,
}

const fn key(name: &'static str, kind: Kind, preset: Preset, doc: &'static str) -> Key {
    Key { name, kind, preset, doc }
}

const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

use Kind::{
    Address, Addresses, Bytes, Choice, Choices, Count, Directory, Mount, Names, Span, Types,
};
use Kind::{Output, Switch, SwitchOrField};
use Preset::{Found, Required, Text};

/// The settings of a service.
pub static KEYS: &[Key] = &[
    key("listen", Addresses, Text("127.0.0.1:8080"), "where the site is served"),
    key("admin", Address, Text("127.0.0.1:9900"), "where the net shows itself"),
    key("workers", Count(1, WORKERS_MAX), Found("the CPUs the process may use"), "pinned threads"),
    key("io", Choice(&["auto", "uring", "epoll"]), Text("auto"), "what moves the bytes"),
    key("root", Directory, Found("the bundled demo site"), "the directory that is served"),
    key("index", Names, Text("index.html"), "files that stand for their directory, first found"),
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
        "bytes of files kept in memory",
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
        "a log that cannot keep up: shed: its lines are lost, and counted; wait: requests wait",
    ),
    key(
        "log.request_id",
        SwitchOrField,
        Text("false"),
        "every request gets an id, told in this field (true: X-Request-Id) and in the log",
    ),
    key("log.trust_request_id", Switch, Text("false"), "an id that a client sends is kept"),
    key("log.server_timing", Switch, Text("false"), "replies tell how long they took"),
    key("pool.threads", Count(1, 1024), Text("4"), "threads that may wait for the disk"),
];

/// The settings of one `[[route]]`.
pub static ROUTE_KEYS: &[Key] = &[
    key("path", Mount, Required, "where the handler is mounted over the site"),
    key(
        "handler",
        Choice(&["echo", "burn", "sleep", "net", "panic"]),
        Required,
        "echo: the body comes back; burn: ?us=N of CPU; sleep: ?ms=N, holding no thread; \
         net: the net as JSON; panic: a handler that panics, to test with",
    ),
    key("domain", Choice(&["inline", "pool"]), Text("pool"), "where burn burns"),
];

/// All settings as text: name, what it accepts, default and purpose, one line each.
pub fn describe() -> String {
    let mut text = String::new();
    for (prefix, keys) in [("", KEYS), ("route.", ROUTE_KEYS)] {
        for key in keys {
            let preset = match key.preset {
                Text(text) => format!("default {text}"),
                Found(how) => format!("default: {how}"),
                Required => "required".to_owned(),
            };
            let name = format!("{prefix}{}", key.name);
            text.push_str(&format!("  {name:<22} {} ({preset})\n", key.doc));
        }
    }
    text
}
