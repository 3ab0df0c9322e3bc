//! What programs that measure one thing a process print, gathered over repeats.

use std::collections::BTreeMap;

use anyhow::{Context, Result};

use super::stats::Spread;

/// All figures by cell and name, in the order of the repeats.
#[derive(Default)]
pub struct Figures(BTreeMap<(String, String), Vec<f64>>);

impl Figures {
    /// Takes what a program printed about a cell: a name and a figure a line.
    pub fn take(&mut self, cell: &str, text: &str) -> Result<()> {
        for line in text.lines() {
            let (name, figure) = line.split_once(' ').context("a name and a figure a line")?;
            self.add(cell, name, figure.parse()?);
        }
        Ok(())
    }

    pub fn add(&mut self, cell: &str, name: &str, figure: f64) {
        self.0.entry((cell.to_owned(), name.to_owned())).or_default().push(figure);
    }

    fn all(&self, cell: &str, name: &str) -> Option<&Vec<f64>> {
        self.0.get(&(cell.to_owned(), name.to_owned()))
    }

    pub fn spread(&self, cell: &str, name: &str) -> Option<Spread> {
        Spread::of(self.all(cell, name)?)
    }

    pub fn median(&self, cell: &str, name: &str) -> Option<f64> {
        Some(self.spread(cell, name)?.median)
    }

    /// The figure of one cell over that of another, in each repeat.
    pub fn ratios(&self, above: &str, below: &str, name: &str) -> Vec<f64> {
        let (Some(above), Some(below)) = (self.all(above, name), self.all(below, name)) else {
            return Vec::new();
        };
        above.iter().zip(below).map(|(above, below)| above / below).collect()
    }

    pub fn csv(&self) -> String {
        let line = |((cell, name), all): (&(String, String), &Vec<f64>)| {
            let all: Vec<String> = all.iter().map(f64::to_string).collect();
            format!("{cell},{name},{}\n", all.join(","))
        };
        self.0.iter().map(line).collect()
    }
}
