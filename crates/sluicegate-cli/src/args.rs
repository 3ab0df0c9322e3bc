//! The command line.
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::error::ErrorKind;
use clap::{Parser, Subcommand, ValueEnum};
use sluicegate_io::{Addr, Asked};
use sluicegate_lab::overload::{Handler, Peer, Profile, span};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tracing::Level;

/// Serves a web site through a net of stages that can be watched while it works.
///
/// Without arguments: a bundled demo site on 127.0.0.1:8080, and the net on 127.0.0.1:9900.
#[derive(Debug, Parser)]
#[command(name = "sluicegate", version)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve a directory or a volume
    #[command(after_help = ENDS)]
    Serve(Serve),
    /// Say whether a configuration can be used, and what it would do
    #[command(after_help = settings())]
    Check {
        /// The TOML file
        file: PathBuf,
    },
    /// Draw the net of a configuration, or one that runs
    Graph {
        /// The TOML file; the demo site's net without one
        file: Option<PathBuf>,
        /// How it is drawn
        #[arg(long, value_enum, default_value_t = Format::Mermaid)]
        format: Format,
        /// Draw the net that runs, with what it did for a second
        #[arg(long, conflicts_with = "file")]
        live: bool,
        #[command(flatten)]
        admin: Admin,
    },
    /// Watch a service that runs, in the terminal
    #[command(after_help = KEYS)]
    Top {
        #[command(flatten)]
        admin: Admin,
        /// Print one table and end, as where stdout is no terminal
        #[arg(long)]
        once: bool,
        /// Seconds between two looks
        #[arg(long, value_name = "N", default_value_t = 1, value_parser = seconds())]
        every: u64,
    },
    /// Show single flows of a service that runs: the slow, the failed, and samples
    Trace(Trace),
    /// Record a service that runs, for `explain`: a look at its net on each line
    Record {
        /// Where to; `-` is stdout
        file: PathBuf,
        #[command(flatten)]
        admin: Admin,
        /// For how long, with a look each second
        #[arg(long, value_name = "N", default_value_t = 10, value_parser = seconds())]
        seconds: u64,
    },
    /// Say what was wrong with a net that was recorded
    Explain {
        /// What `record` wrote, or one answer of /api/net; `-` is stdin
        file: PathBuf,
    },
    /// Pack a directory into a volume: a site in one file or on one block device
    #[command(after_help = PACKED)]
    Pack(Pack),
    /// Check every byte of a volume
    #[command(after_help = VERIFIED)]
    Verify {
        /// The file or the block device
        volume: PathBuf,
    },
    /// Print a JSON Schema of the configuration, for editors
    Schema,
    /// Hash a password from stdin, for `auth` in a configuration
    HashPassword,
    /// Experiments with this binary as the server
    #[command(subcommand)]
    Lab(Lab),
}

/// Flags of `pack`.
#[derive(Debug, clap::Args)]
pub struct Pack {
    /// The directory
    pub dir: PathBuf,
    /// The block device, or the file, which is made if it is not there
    #[arg(value_name = "FILE|DEVICE")]
    pub volume: PathBuf,
    /// A file that stands for its directory; may be given several times, the first found counts
    #[arg(long, value_name = "NAME", default_value = "index.html", value_parser = file_name)]
    pub index: Vec<String>,
    /// How small coded forms are made
    #[arg(long, value_name = "EFFORT", default_value = "medium")]
    #[arg(value_parser = ["off", "low", "medium", "high"])]
    pub effort: String,
    /// Threads that read and code; as many as CPUs may be used without it
    #[arg(long, value_name = "N", value_parser = threads())]
    pub threads: Option<usize>,
    /// Lose what is there, where that is no volume or a damaged one
    #[arg(long)]
    pub overwrite: bool,
}

/// Flags of `trace`.
#[derive(Debug, clap::Args)]
pub struct Trace {
    /// The numbers of flows to draw, as the table says them; the slowest without any
    pub flows: Vec<String>,
    #[command(flatten)]
    pub admin: Admin,
    /// Only those that were kept for this
    #[arg(long, value_name = "WHY", value_parser = ["slow", "failed", "sampled", "slowest"])]
    pub why: Option<String>,
    /// Only those of this class
    #[arg(long, value_name = "N")]
    pub class: Option<u8>,
    /// The most lines of the table
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub limit: usize,
    /// Write all of them for Perfetto or Chrome's trace viewer
    #[arg(long, value_name = "FILE", conflicts_with = "follow")]
    pub chrome: Option<PathBuf>,
    /// Go on and tell of each flow that is kept, once
    #[arg(long)]
    pub follow: bool,
}

/// An experiment.
#[derive(Debug, Subcommand)]
pub enum Lab {
    /// Ask a server for multiples of its capacity, and report what becomes of it
    #[command(after_help = KEPT)]
    Overload(Overload),
    /// Play the same against every law of admission in virtual time
    Laws(Virtual),
    /// Play a gate at each stage against one at the door in virtual time
    Door(Virtual),
    /// Play loads under every policy of a worker in virtual time
    Policies(Virtual),
}

/// Flags of the experiments in virtual time.
#[derive(Debug, clap::Args)]
pub struct Virtual {
    /// Short and with few clients: to see whether all works
    #[arg(long)]
    pub quick: bool,
    /// The directory for the report and what belongs to it; a new one in the temporary directory
    /// without it
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// Flags of the experiment on overload.
#[derive(Debug, clap::Args)]
pub struct Overload {
    /// What is asked; all unless named
    #[arg(value_name = "PROFILE")]
    #[arg(value_parser = one_of(&Profile::ALL, Profile::name, Profile::about))]
    pub profiles: Vec<Profile>,
    /// Short and once: to see whether all works
    #[arg(long)]
    pub quick: bool,
    /// What a request costs and where, as in inline:2ms, pool:90x500us+10x10ms (by chance) or
    /// pool:500us-then-10ms (in halves of a run); may be given several times
    #[arg(long, value_name = "HANDLER", default_values = ["inline:2ms", "pool:2ms"])]
    pub handler: Vec<Handler>,
    /// Ask peers too: the directory of their program, as `cargo xtask bench overload` builds it
    #[arg(long, value_name = "DIR")]
    pub peers: Option<PathBuf>,
    /// Only this peer; may be given several times, all unless named
    #[arg(long, value_name = "PEER", requires = "peers")]
    #[arg(value_parser = one_of(&Peer::ALL, Peer::name, Peer::about))]
    pub peer: Vec<Peer>,
    /// What moves the server's bytes; may be given several times
    #[arg(long, value_name = "BACKEND", default_value = "auto")]
    #[arg(value_parser = one_of(&Asked::ALL, Asked::name, Asked::about))]
    pub io: Vec<Asked>,
    /// The longest time in which an answer is good, and the target of the gate
    #[arg(long, value_name = "TIME", default_value = "50ms", value_parser = span)]
    pub target: Duration,
    /// Count void runs too, where no figure matters
    #[arg(long)]
    pub count_void: bool,
    /// Without a gate, to see what that does
    #[arg(long)]
    pub ungated: bool,
    /// How often each load is put on; 5, or 1 if it is to be quick
    #[arg(long, value_name = "N")]
    pub runs: Option<usize>,
    /// The directory for the report and the figures of each run; a new one in the temporary
    /// directory without it
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// Flags replace what the file says.
#[derive(Debug, Default, clap::Args)]
pub struct Serve {
    /// The directory; the file's `root` or the bundled demo site without one
    pub dir: Option<String>,
    /// 127.0.0.1:8080, [::1]:8080 or unix:/run/site.sock; may be given several times
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Vec<String>,
    /// Where the net shows itself, and is changed by whoever reaches it
    #[arg(long, value_name = "ADDRESS")]
    pub admin: Option<String>,
    /// A file with the token that is asked for there
    #[arg(long, value_name = "FILE")]
    pub admin_token_file: Option<String>,
    /// Pinned threads; as many as CPUs may be used without it
    #[arg(long, value_name = "N")]
    pub workers: Option<String>,
    /// uring, epoll, or auto: io_uring where it works, epoll elsewhere
    #[arg(long, value_name = "BACKEND")]
    pub io: Option<String>,
    /// Settings in TOML; `sluicegate check --help` lists them
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// How much is told on stderr; RUST_LOG says it by target
    #[arg(long, value_name = "LEVEL", value_parser = levels())]
    pub log_level: Option<Level>,
}

fn levels() -> impl TypedValueParser<Value = Level> {
    let level = |name: String| name.parse::<Level>();
    PossibleValuesParser::new(["error", "warn", "info", "debug", "trace"]).try_map(level)
}

/// Where a service shows itself.
#[derive(Debug, clap::Args)]
pub struct Admin {
    /// The admin listener, as in 127.0.0.1:9900 or unix:/run/admin.sock
    #[arg(long = "admin", value_name = "ADDRESS", default_value = "127.0.0.1:9900")]
    pub address: Addr,
    /// A file with the token that it asks for
    #[arg(long = "admin-token-file", value_name = "FILE")]
    pub token_file: Option<PathBuf>,
}

/// How a net is drawn.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Format {
    /// For Markdown
    Mermaid,
    /// For Graphviz
    Dot,
    /// As /api/net shows it
    Json,
}

const KEYS: &str = "Keys: arrows or j and k choose a stage, Enter opens it, Esc goes back, s \
                    sorts by the next column, r turns the order, / filters by name, space holds \
                    the display, Tab shows laws and wires, q ends.";

const ENDS: &str = "SIGINT or SIGTERM drains: requests that were begun are answered. A second \
                    signal ends at once. SIGHUP reads the settings again. SIGUSR1 opens the log \
                    again.\nExit codes: 0 drained, 1 cut off, 2 not started, 128 and the number \
                    of the second signal.";

const PACKED: &str = "A volume that is there gets a further generation; the one before stays \
                      whole until the new one is safe, whatever happens meanwhile.\nExit codes: \
                      0 packed, 2 not packed, and what was there is as it was unless \
                      --overwrite was given.";

const VERIFIED: &str = "Exit codes: 0 sound, 1 something is broken, 2 it cannot be read.";

const KEPT: &str = "The server is this binary in a process of its own, on the first processor \
                    that may be used; the generator is on the second. Its capacity is found \
                    first. The report is printed, and kept with a CSV file of each run. Runs in \
                    which the generator was late or others took the server's processor are void, \
                    and told.\nPeers take the place of the server, on the same processor, with \
                    the same handler. Where one has a limit, it is tuned first, at five times \
                    its capacity. nginx is the system's.";

/// Accepts the names of what there is, and tells in `--help` what each is.
fn one_of<T: Copy + Send + Sync>(
    all: &'static [T],
    name: fn(T) -> &'static str,
    about: fn(T) -> &'static str,
) -> impl TypedValueParser<Value = T> {
    let each = all.iter().map(|one| PossibleValue::new(name(*one)).help(about(*one)));
    PossibleValuesParser::new(each).try_map(move |typed| {
        let found = all.iter().copied().find(|one| name(*one) == typed);
        found.ok_or("it is none of these")
    })
}

/// A name without a way to it.
fn file_name(typed: &str) -> Result<String, String> {
    let is_name = !typed.is_empty() && !typed.contains('/') && !typed.starts_with('.');
    if is_name { Ok(typed.to_owned()) } else { Err("accepted: a name without a slash".to_owned()) }
}

fn threads() -> impl TypedValueParser<Value = usize> {
    clap::value_parser!(u64).range(1..=1024).map(|number| number as usize)
}

/// Up to a day.
fn seconds() -> impl TypedValueParser<Value = u64> {
    clap::value_parser!(u64).range(1..=86_400)
}

fn settings() -> String {
    format!("Settings:\n{}", sluicegate_web::describe())
}

/// Reads the command line of this process.
///
/// # Errors
/// One sentence about what cannot be understood.
pub fn read() -> Result<Args, String> {
    Args::try_parse().map_err(|error| match error.kind() {
        // Asked for: printed to stdout, and all is well.
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => error.exit(),
        _ => sentence(&error.to_string(), std::env::args().nth(1).as_deref()),
    })
}

/// What clap says in paragraphs, in one sentence.
fn sentence(said: &str, first: Option<&str>) -> String {
    if let Some(dir) = first.filter(|first| Path::new(first).is_dir()) {
        return format!(
            "`{dir}` is a directory, not a command; to serve it: sluicegate serve {dir}"
        );
    }
    let lines = said.lines().map(str::trim);
    let told = lines
        .take_while(|line| !line.starts_with("Usage:"))
        .filter(|line| !line.is_empty() && !line.starts_with("For more information"));
    let mut parts: Vec<_> = told
        .map(|line| line.trim_start_matches("error: ").trim_start_matches("tip: ").to_owned())
        .collect();
    parts.push("see sluicegate --help".to_owned());
    parts.join("; ").replace(":; ", ": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(typed: &str, expected: &str) {
        let words = std::iter::once("sluicegate").chain(typed.split_whitespace());
        let error = Args::try_parse_from(words).expect_err("this is a mistake");
        let said = sentence(&error.to_string(), typed.split_whitespace().next());
        assert_eq!(said, expected);
    }

    #[test]
    fn a_mistake_is_one_sentence() {
        check(
            "serv",
            "unrecognized subcommand 'serv'; a similar subcommand exists: 'serve'; see sluicegate \
             --help",
        );
        check(
            "serve --listn x",
            "unexpected argument '--listn' found; a similar argument exists: '--listen'; see \
             sluicegate --help",
        );
        check(
            "check",
            "the following required arguments were not provided: <FILE>; see sluicegate --help",
        );
        check("/tmp", "`/tmp` is a directory, not a command; to serve it: sluicegate serve /tmp");
    }

    #[test]
    fn the_definition_is_sound() {
        use clap::CommandFactory;
        Args::command().debug_assert();
    }
}
