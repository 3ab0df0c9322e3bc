//! Policies side by side in virtual time: when which one wins, and when it loses.
//!
//! A [`Scene`] is a net of stages on one worker and what is asked of it; it is played under each
//! [`Which`], so that nothing differs but the choice of what runs next.

mod net;
mod pages;
mod scene;
mod which;

use std::path::PathBuf;
use std::time::Duration;

use net::Became;
use scene::Scene;
use which::Which;

use super::stand::{keep, make};
use crate::record::Row;

/// The seed of all scenes.
const SEED: u64 = 1;

/// What is to be done.
#[derive(Clone, Debug)]
pub struct Policies {
    /// Short: to see whether all works.
    pub quick: bool,
    /// The directory for the report.
    pub out: PathBuf,
    /// How to do the same again: shown in the report.
    pub typed: String,
}

/// What became of a scene under one policy.
struct Played {
    which: Which,
    /// For each kind of requests, all of them.
    rows: Vec<Row>,
    /// The time for which the worker was busy, for each request that was answered.
    cost: Duration,
}

impl Policies {
    /// Does it all, telling `progress` a line for each run, and returns the report as Markdown,
    /// which is also written to `report.md` in [`Policies::out`].
    ///
    /// # Errors
    /// One sentence: a file cannot be written.
    pub fn run(&self, progress: &mut dyn FnMut(&str)) -> Result<String, String> {
        make(&self.out)?;
        let mut text = pages::head(&self.typed);
        for scene in scene::all(self.quick) {
            let mut all = Vec::with_capacity(Which::ALL.len());
            for which in Which::ALL {
                progress(&format!("{}, {}", scene.name, which.name()));
                all.push(scene.play(which)?);
            }
            text += &pages::section(&scene, &all);
        }
        keep(&self.out, "report.md", &text)?;
        Ok(text)
    }
}

impl Scene {
    fn play(&self, which: Which) -> Result<Played, String> {
        let Became { rows, busy } = self.became(which, SEED)?;
        let total = |rows: &Vec<Row>| {
            let mut total = Row::default();
            rows.iter().for_each(|row| total.add(row));
            total
        };
        let rows: Vec<Row> = rows.iter().map(total).collect();
        let answered: u64 = rows.iter().map(|row| row.ok).sum();
        let cost = busy.div_f64(answered.max(1) as f64);
        Ok(Played { which, rows, cost })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A scene by the beginning of its name.
    fn played(name: &str, which: Which) -> Played {
        let scenes = scene::all(true);
        let scene = scenes.iter().find(|scene| scene.name.starts_with(name));
        scene.expect("there is one").play(which).expect("it comes to rest")
    }

    fn p99(played: &Played, kind: usize) -> Duration {
        played.rows[kind].latency.at(0.99)
    }

    #[test]
    fn each_wins_where_it_should_and_loses_where_it_must() {
        let [exit, cohort] = [Which::ExitFirst, Which::Cohort].map(|which| played("dear", which));
        assert!(cohort.cost.mul_f64(1.3) < exit.cost, "{:?} {:?}", cohort.cost, exit.cost);
        let [soon, late] = [p99(&exit, 1), p99(&cohort, 1)];
        assert!(soon * 2 < late, "what is gathered waits: {soon:?} {late:?}");
        let quiet = Which::ALL.map(|which| played("quiet", which).rows[1].latency.at(0.5));
        assert!(quiet.iter().all(|time| *time < quiet[0] * 2), "none waits alone: {quiet:?}");
        let [exit, shares, priority] = [Which::ExitFirst, Which::Shares, Which::Priority]
            .map(|which| p99(&played("two tenants", which), 0));
        assert!(priority <= shares && shares * 10 < exit, "{priority:?} {shares:?} {exit:?}");
        let [shares, priority] =
            [Which::Shares, Which::Priority].map(|which| played("a flood", which).rows[1].ok);
        assert!(priority * 3 < shares, "{priority} {shares}");
        let [fifo, longest] = [Which::Fifo, Which::LongestQueue].map(|w| played("bursts", w));
        let lost = |played: &Played| played.rows[..3].iter().map(|row| row.refused).sum::<u64>();
        assert!(lost(&longest) < lost(&fifo), "{} {}", lost(&longest), lost(&fifo));
        assert!(p99(&longest, 3) > p99(&fifo, 3));
        let [exit, longest] =
            [Which::ExitFirst, Which::LongestQueue].map(|which| p99(&played("a row, 2", which), 0));
        assert!(exit * 2 < longest, "{exit:?} {longest:?}");
    }
}
