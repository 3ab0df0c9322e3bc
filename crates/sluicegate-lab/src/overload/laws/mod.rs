//! The laws of admission side by side in virtual time, where nothing disturbs and nothing is lost.
//!
//! A [`Scene`] is a [`Service`] and what befalls it; each [`Law`] plays all of them in the kernel's
//! simulator, with the code that serves in earnest. What comes out depends on the seed alone, so a
//! report can be made again, number by number.

mod crowd;
mod law;
mod pages;
mod scene;
mod service;

use std::path::PathBuf;

pub use law::Law;
use pages::Pages;
use scene::Scene;
use service::Service;

use super::figures::{self, Values};
use super::profile::Phase;
use super::stand::{keep, make};
use crate::report::Report;

/// The seed of all scenes.
const SEED: u64 = 1;

/// What is to be done.
#[derive(Clone, Debug)]
pub struct Laws {
    /// Short, with fewer clients: to see whether all works.
    pub quick: bool,
    /// The directory for the report, its pictures and the figures of each run.
    pub out: PathBuf,
    /// How to do the same again: shown in the report.
    pub typed: String,
}

/// What became of a scene under a law.
struct Played {
    law: Law,
    report: Report,
    /// One for each phase of the scene.
    values: Vec<Values>,
}

impl Laws {
    /// Does it all, telling `progress` a line for each run, and returns the report as Markdown,
    /// which is also written to `report.md` in [`Laws::out`].
    ///
    /// # Errors
    /// One sentence: a file cannot be written, a picture cannot be drawn.
    pub fn run(&self, progress: &mut dyn FnMut(&str)) -> Result<String, String> {
        make(&self.out)?;
        let mut pages = Pages::new(&self.typed);
        for group in scene::groups(self.quick) {
            pages.add_group(group.name, group.about, &group.service);
            for scene in &group.scenes {
                let mut all = Vec::with_capacity(Law::ALL.len());
                for law in Law::ALL {
                    let played = scene.play(&group.service, law)?;
                    let name = format!("{}-{}-{}", group.name, scene.name, law.name());
                    keep(&self.out, &format!("{name}.csv"), &played.report.csv())?;
                    progress(&format!("{name}: {}", figures::line(&played.report)));
                    all.push(played);
                }
                pages.add_scene(group.name, scene, &all);
            }
        }
        for (file, plot) in pages.plots() {
            keep(&self.out, &file, &plot.svg()?)?;
        }
        let text = pages.text();
        keep(&self.out, "report.md", &text)?;
        Ok(text)
    }
}

impl Scene {
    fn play(&self, service: &Service, law: Law) -> Result<Played, String> {
        let report = service.run(law, &self.kinds, self.seconds, SEED)?;
        let capacity = service.measured();
        let values = |phase: &Phase| {
            let rows = &report.populations[phase.clients].rows;
            figures::values(rows, phase, &capacity, None, service.target)
        };
        let values = self.phases.iter().map(values).collect();
        Ok(Played { law, report, values })
    }
}
