//! What happens, as lines on stderr: each event of `tracing` with its time, level and target.

use std::str::FromStr;
use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;

/// What is told unless something else is asked for: warnings, that a collector or a log that was
/// told of takes things again, who changed what, and that another generation of a volume is served.
/// What stdout says too, the start, reloads and the end, is not said twice. That a handler slept is
/// for who writes it.
const UNLESS_ASKED: &str = "warn,sluicegate::settings=info,sluicegate::otlp=info,\
                            sluicegate::log=info,sluicegate::volume=info,sluicegate::slept=off";

/// The variable that says what is told, by target.
const VARIABLE: &str = "RUST_LOG";

/// Has events be told: those of `level` and worse, else what `RUST_LOG` says.
///
/// # Errors
/// What is wrong with that.
pub fn install(level: Option<Level>) -> Result<(), String> {
    let targets = match (level, std::env::var(VARIABLE)) {
        (Some(level), _) => Targets::new().with_default(level),
        (None, Ok(typed)) if !typed.is_empty() => read(&typed)?,
        (None, _) => read(UNLESS_ASKED)?,
    };
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .log_internal_errors(false);
    let subscriber = tracing_subscriber::registry().with(targets).with(lines);
    tracing::subscriber::set_global_default(subscriber).map_err(|error| error.to_string())
}

fn read(typed: &str) -> Result<Targets, String> {
    Targets::from_str(typed).map_err(|error| {
        format!(
            "{VARIABLE} is {typed:?}, which cannot be read: {error}; accepted: a level such as \
             \"info\", or targets with levels such as \"warn,sluicegate::incident=debug\""
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_a_level_or_one_by_target() {
        let told = |typed: &str, target: &str, level| {
            read(typed).map(|all| all.would_enable(target, &level))
        };
        assert_eq!(told(UNLESS_ASKED, "sluicegate::settings", Level::INFO), Ok(true));
        assert_eq!(told(UNLESS_ASKED, "sluicegate::service", Level::INFO), Ok(false));
        assert_eq!(told(UNLESS_ASKED, "sluicegate::otlp", Level::INFO), Ok(true));
        assert_eq!(told(UNLESS_ASKED, "sluicegate::log", Level::INFO), Ok(true));
        assert_eq!(told(UNLESS_ASKED, "sluicegate::volume", Level::INFO), Ok(true));
        assert_eq!(told(UNLESS_ASKED, "sluicegate::stall", Level::WARN), Ok(true));
        assert_eq!(told(UNLESS_ASKED, "sluicegate::slept", Level::WARN), Ok(false));
        assert_eq!(told("debug", "sluicegate::incident", Level::DEBUG), Ok(true));
        assert_eq!(told("off", "sluicegate::incident", Level::ERROR), Ok(false));
        let error = read("sluicegate=loud").expect_err("no level");
        assert!(
            error.starts_with("RUST_LOG is \"sluicegate=loud\"") && error.contains("accepted:")
        );
    }
}
