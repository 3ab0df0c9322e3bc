//! Reads by the stage `disk` without a server around it, and tasks that each read over and over, as
//! flows of a net and as threads. One measurement a process: `cargo xtask bench disk` runs it again
//! and again, in turn with fio and with itself, and makes the tables.
#![forbid(unsafe_code)]

use std::str::FromStr;

use anyhow::{Context, Result, bail};

mod flows;
mod measure;
mod meter;
mod places;
mod reads;
mod threads;

const USAGE: &str = "\
usage: disk-peer reads BY SIZES PATTERN ORDER DEPTH WAITING PATH SECONDS SEED
       disk-peer tasks WHO TASKS PATH SECONDS SEED
BY is ring or pool; SIZES as fio's bssplit, such as 4k/60:64k/40; PATTERN is random or clustered;
ORDER is asked, sorted or merged; WHO is flows or threads";

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let figures = match words.as_slice() {
        ["reads", by, sizes, pattern, order, depth, waiting, path, seconds, seed] => {
            let plan = reads::Plan {
                pool: one_of(by, "ring", "pool")?,
                sizes: sizes.parse()?,
                clustered: one_of(pattern, "random", "clustered")?,
                order: order.parse()?,
                depth: number(depth)?,
                waiting: number(waiting)?,
                seed: number(seed)?,
            };
            reads::run(&plan, path, number(seconds)?)?
        }
        ["tasks", "flows", tasks, path, seconds, seed] => {
            flows::run(number(tasks)?, path, number(seconds)?, number(seed)?)?
        }
        ["tasks", "threads", tasks, path, seconds, seed] => {
            threads::run(number(tasks)?, path, number(seconds)?, number(seed)?)?
        }
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

/// Whether the word is the second of two.
fn one_of(word: &str, first: &str, second: &str) -> Result<bool> {
    match word {
        word if word == first => Ok(false),
        word if word == second => Ok(true),
        _ => bail!("{word}: accepted are {first} and {second}\n{USAGE}"),
    }
}
