//! The command line.
use clap::error::ErrorKind;
use clap::{Parser, Subcommand, ValueEnum};
use std::path::{Path, PathBuf};

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
    /// Serve a directory
    #[command(after_help = ENDS)]
    Serve(Serve),
    /// Say whether a configuration can be used, and what it would do
    #[command(after_help = settings())]
    Check {
        /// The TOML file
        file: PathBuf,
    },
    /// Draw the net of a configuration
    Graph {
        /// The TOML file; the demo site's net without one
        file: Option<PathBuf>,
        /// How it is drawn
        #[arg(long, value_enum, default_value_t = Format::Mermaid)]
        format: Format,
    },
    /// Print a JSON Schema of the configuration, for editors
    Schema,
    /// Hash a password from stdin, for `auth` in a configuration
    HashPassword,
}

/// Flags replace what the file says.
#[derive(Debug, Default, clap::Args)]
pub struct Serve {
    /// The directory; the file's `root` or the bundled demo site without one
    pub dir: Option<String>,
    /// 127.0.0.1:8080, [::1]:8080 or unix:/run/site.sock; may be given several times
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Vec<String>,
    /// Where the net shows itself
    #[arg(long, value_name = "ADDRESS")]
    pub admin: Option<String>,
    /// Pinned threads; as many as CPUs may be used without it
    #[arg(long, value_name = "N")]
    pub workers: Option<String>,
    /// uring, epoll, or auto: io_uring where it works, epoll elsewhere
    #[arg(long, value_name = "BACKEND")]
    pub io: Option<String>,
    /// Settings in TOML; `sluicegate check --help` lists them
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
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

const ENDS: &str = "SIGINT or SIGTERM drains: requests that were begun are answered. A second \
                    signal ends at once. SIGHUP reads the settings again. SIGUSR1 opens the log \
                    again.\nExit codes: 0 drained, 1 cut off, 2 not started, 128 and the number \
                    of the second signal.";

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
