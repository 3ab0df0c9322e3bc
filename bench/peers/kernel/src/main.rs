//! What a hop through a queue, a wire between two workers, and a stage cost; the wire beside the
//! channels that a program would use instead. One measurement a process: `cargo xtask bench kernel`
//! runs it again and again, in turn with the others, and makes the tables.
//!
//! A body is 64 bytes for all. Ours have a tag beside it, and the ledger and all counters are on,
//! for they cannot be turned off.
#![forbid(unsafe_code)]

use std::str::FromStr;

use anyhow::{Context, Result, bail};

mod channels;
mod hop;
mod machine;
mod size;
mod stream;
mod wakes;

/// What an event carries.
type Body = [u64; 8];

/// Places of the queue, and of each channel.
const CAPACITY: usize = 1024;

const USAGE: &str = "\
usage: kernel-peer hop STAGES BATCH (--seconds S | --rounds N)
       kernel-peer stream WHO BATCH --seconds S
       kernel-peer wakes BATCH --rounds N
       kernel-peer size STAGES PORTS
       kernel-peer look STAGES
WHO is flows, forks, crossbeam, flume, kanal, tokio or async-channel; PORTS is 1 or 10";

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let figures = match words.as_slice() {
        ["hop", stages, batch, "--seconds", time] => {
            hop::timed(number(stages)?, number(batch)?, number(time)?)?
        }
        ["hop", stages, batch, "--rounds", rounds] => {
            hop::counted(number(stages)?, number(batch)?, number(rounds)?)?
        }
        ["stream", who @ ("flows" | "forks"), batch, "--seconds", time] => {
            stream::run(*who == "forks", number(batch)?, number(time)?)?
        }
        ["stream", who, batch, "--seconds", time] => {
            channels::run(who, number(batch)?, number(time)?)?
        }
        ["wakes", batch, "--rounds", rounds] => wakes::run(number(batch)?, number(rounds)?)?,
        ["size", stages, ports] => size::run(number(stages)?, number(ports)?)?,
        ["look", stages] => hop::looks(number(stages)?)?,
        _ => bail!(USAGE),
    };
    for (name, figure) in figures {
        println!("{name} {figure}");
    }
    Ok(())
}

/// Names with their figures, for the one who reads what is printed.
type Figures = Vec<(&'static str, f64)>;

fn number<T: FromStr>(word: &str) -> Result<T> {
    word.parse().ok().with_context(|| format!("{word} is not a number that fits here\n{USAGE}"))
}
