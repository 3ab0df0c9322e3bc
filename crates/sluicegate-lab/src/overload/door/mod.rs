//! A gate at each stage, or one at the door: the question that SEDA left open, in virtual time.
//!
//! SEDA put a controller before each stage and never held that against a single one before all of
//! them. A [`Scene`] is a net of stages, a row or one that forks, and what is asked of it; it is
//! played with each arrangement of [`Gates`], all under the default law, so that where the gates
//! are is the only difference.

pub(super) mod clients;
mod net;
mod pages;
mod scene;

use std::path::PathBuf;

use net::Gates;

use super::figures::Values;
use super::stand::{keep, make};

/// The seed of all scenes.
const SEED: u64 = 1;

/// What is to be done.
#[derive(Clone, Debug)]
pub struct Door {
    /// Short: to see whether all works.
    pub quick: bool,
    /// The directory for the report.
    pub out: PathBuf,
    /// How to do the same again: shown in the report.
    pub typed: String,
}

/// What became of a scene with one arrangement of gates.
struct Played {
    gates: Gates,
    /// One for each kind of clients.
    values: Vec<Values>,
    /// The share of the work that stages did for requests that were not good in the end.
    wasted: f64,
}

impl Door {
    /// Does it all, telling `progress` a line for each run, and returns the report as Markdown,
    /// which is also written to `report.md` in [`Door::out`].
    ///
    /// # Errors
    /// One sentence: a file cannot be written.
    pub fn run(&self, progress: &mut dyn FnMut(&str)) -> Result<String, String> {
        make(&self.out)?;
        let mut text = pages::head(&self.typed);
        for scene in scene::all(self.quick) {
            let mut all = Vec::with_capacity(scene.gates.len());
            for gates in scene.gates.iter().copied() {
                progress(&format!("{}, {}", scene.name, gates.name()));
                all.push(scene.play(gates)?);
            }
            text += &pages::section(&scene, &all);
        }
        keep(&self.out, "report.md", &text)?;
        Ok(text)
    }
}
