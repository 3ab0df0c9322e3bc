//! One run: the generator beside a server, what the server used, and whether it is to be believed.

use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use sluicegate_io::Asked;

use super::figures::Used;
use super::server::Server;
use super::view::{self, Seen};
use super::{Cores, OTHERS_MAX, Trouble};
use crate::plan::Plan;
use crate::report::{Outcome, Report};
use crate::run;

/// What a run showed.
pub(super) struct Ran {
    pub report: Report,
    pub used: Option<Used>,
    /// What the server counted.
    pub seen: Option<Seen>,
    /// Why it is not believed.
    pub void: Vec<String>,
}

/// Carries out a plan beside the server, whom `trouble` befalls meanwhile.
pub(super) fn drive(
    mut plan: Plan,
    cores: &Cores,
    server: &Server,
    trouble: Option<&Trouble>,
) -> Result<Ran, String> {
    let _pinned = cores.generator();
    // Only a processor of its own may be spent on looking at the clock.
    plan.spin = cores.are_apart();
    let began = Instant::now();
    let (used_before, busy_before) = (server.used(), cores.server_busy());
    let (report, befell) = thread::scope(|scope| {
        let (over, end) = channel();
        let (processes, address) = (server.processes(), &server.address);
        let trouble =
            trouble.map(|it| scope.spawn(move || it.befall(&processes, address, cores, &end)));
        let report = run(&plan, Asked::Auto);
        drop(over);
        (report, trouble.map(|thread| thread.join().expect("troubles do not panic")))
    });
    let report = report.map_err(|error| error.to_string())?;
    let since = |before: Option<Duration>, after: Option<Duration>| {
        before.zip(after).map(|(before, after)| after.saturating_sub(before))
    };
    let busy = since(busy_before, cores.server_busy());
    let used =
        since(used_before, server.used()).map(|processor| Used { processor, of: began.elapsed() });
    let mut void: Vec<String> = report.void.iter().map(ToString::to_string).collect();
    let taken = match befell.transpose() {
        Ok(taken) => taken.unwrap_or_default(),
        Err(why) => {
            void.push(why);
            Duration::ZERO
        }
    };
    let busy = busy.map(|busy| busy.saturating_sub(taken));
    void.extend(busy.zip(used).and_then(|(busy, used)| others(busy, used)));
    void.extend(report.populations.iter().filter_map(waited));
    Ok(Ran { report, used, seen: view::seen(&server.address), void })
}

/// Why a run is void in which the server's processor worked for others.
fn others(busy: Duration, used: Used) -> Option<String> {
    let others = busy.saturating_sub(used.processor).as_secs_f64();
    let percent = 100.0 * others / used.of.as_secs_f64();
    (percent > OTHERS_MAX).then(|| {
        format!(
            "others took {percent:.0} % of the server's processor, at most {OTHERS_MAX} % is \
             believed: give the machine rest"
        )
    })
}

/// Why a run is void in which requests waited for a connection, for which the server must not be
/// blamed. In a closed loop there is always one.
fn waited(outcome: &Outcome) -> Option<String> {
    let (asked, most) = (outcome.most_under_way, outcome.per_connection.len());
    (asked > most).then(|| {
        format!(
            "{asked} requests of {} were under way at once on {most} connections: ask for less, or \
             with a shorter target",
            outcome.name
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_was_disturbed_is_not_believed() {
        let ms = Duration::from_millis;
        let used = Used { processor: ms(500), of: ms(1000) };
        assert_eq!(others(ms(540), used), None);
        assert!(others(ms(600), used).unwrap().contains("others took 10 %"));
        // Ticks are coarser than the server's own time.
        assert_eq!(others(ms(490), used), None);
    }
}
