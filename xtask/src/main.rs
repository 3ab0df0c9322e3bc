//! `cargo xtask`: runs the project's tests, sanitizers, benchmarks and kernel mutations.
#![forbid(unsafe_code)]

use std::process::ExitCode;

mod bench;
mod mutants;
mod sanitize;
mod shell;
mod sim;
mod test;

const USAGE: &str = "\
cargo xtask test [--install]          everything that must pass before a change lands
cargo xtask mutants                   break the kernel on purpose; its tests must notice
cargo xtask sim [OPTIONS]             many seeds over random nets, examples and the server's net
    --seeds N --seed S                how many (1000 a net), and where they begin; S alone: just it
    --net NAME                        random, gated, crowd, own-law or web alone
    --flows N --stages N --troubles N,N  as the line says that replays a failure
    --shrinks N                       runs that may be spent on a smaller case of one (500)
cargo xtask sanitize [TOOL]           tests of kernel and machine under address, thread or miri;
                                      all of these that can run here unless one is named
cargo xtask screenshots               pictures of the dashboard for the documentation
cargo xtask bench http [OPTIONS]      CPU per request beside nginx and bench/peers/bare
    --quick                           short runs, to see that it works
    --repeats N --seconds S           how often and how long each cell is driven
    --only CELL,CELL                  only these cells, such as 1k-64,1k-1000
    --who NAME,NAME                   only servers whose names begin so, such as sluicegate
    --seed N                          order of the runs
cargo xtask bench kernel [OPTIONS]    a hop, a wire between workers, large nets; beside channels
    --quick, --repeats N, --seconds S, --seed N as above
    --only NAME,NAME                  hop, stream, wakes, size, instructions
cargo xtask bench disk [OPTIONS]      reads beside fio, sorted and merged; tasks that read
    --quick, --repeats N, --seconds S, --seed N as above
    --only NAME,NAME --size MIB       cold, sorted, tasks, start; of the file that is read
cargo xtask bench hostile [OPTIONS]   honest clients beside each kind of hostile ones
cargo xtask bench idle [OPTIONS]      memory of idle connections, and what they cost another
cargo xtask bench fair [OPTIONS]      whether all of many connections are served alike
    --quick, --seconds S, --only CELL,CELL as above
    --workers N,N --io NAME,NAME      1 and 2, uring and epoll unless given; nginx beside them
cargo xtask bench watch [OPTIONS]     a hundred viewers, and the admin listener at 10x overload
    --quick, --seconds S, --only rest,half,ten, --workers N,N and --io NAME,NAME as above
cargo xtask bench scrape              a page of metrics of 1,000 stages
cargo xtask bench instructions        what a request costs more where all is on that tells of it
cargo xtask bench overload [PROFILE..] [OPTIONS]  ours and peers, asked for too much; PROFILE and
                                      OPTIONS are those of `sluicegate lab overload`
cargo xtask bench many [--connections N]  100,000 in direct descriptors, all answered
cargo xtask bench soak [--minutes N]  mixed load at half capacity; both ledgers even at the end
cargo xtask bench drain [--rounds N]  SIGTERM under load; no request may be lost
cargo xtask bench reload [--reloads N]  SIGHUP under load; no request may fail
cargo xtask bench panic [--seconds N] a handler that panics under load
cargo xtask bench profile [--seconds N] where each microsecond of a cached page goes (perf)

CI=true or --install, as root, lets `test` install the Debian packages further tests need.";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["test", rest @ ..] => test::run(rest),
        ["mutants"] => mutants::run().and_then(test::all_passed),
        ["sim", rest @ ..] => sim::run(rest),
        ["sanitize", rest @ ..] => sanitize::run(rest),
        ["screenshots"] => test::screenshots(),
        ["bench", rest @ ..] => bench::run(rest),
        [] | ["help" | "--help" | "-h"] => {
            println!("{USAGE}");
            Ok(())
        }
        other => Err(anyhow::anyhow!("unknown command {other:?}; accepted are:\n{USAGE}")),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
