//! Where runs are made: the machine, the files, and who waits.

use std::fs;
use std::path::Path;

use super::drive::Ran;
use super::server::Server;
use super::system::{Intake, Place};
use super::{Cores, Experiment, System, profile};
use crate::ask::Ask;
use crate::plan::{Load, Population};

/// What all runs of an experiment share.
pub(super) struct Stand<'a> {
    pub experiment: &'a Experiment,
    pub place: Place<'a>,
    pub cores: Cores,
    progress: &'a mut dyn FnMut(&str),
}

impl<'a> Stand<'a> {
    pub fn new(
        experiment: &'a Experiment,
        progress: &'a mut dyn FnMut(&str),
    ) -> Result<Self, String> {
        let out = std::path::absolute(&experiment.out)
            .map_err(|error| format!("cannot find {}: {error}", experiment.out.display()))?;
        let Experiment { command, peers, target, .. } = experiment;
        let place = Place { command, peers, out, target: *target };
        Ok(Self { experiment, place, cores: Cores::found(), progress })
    }

    /// A server that has done nothing yet.
    pub fn start(&self, system: &System, intake: Intake) -> Result<Server, String> {
        Server::start(&self.place, system, intake, &self.cores)
    }

    /// Clients from many addresses.
    pub fn population(&self, name: &str, load: Load, asks: Vec<Ask>, most: usize) -> Population {
        let population = Population::new(name, load, "/", most, self.experiment.target);
        Population { asks, addresses: Some(profile::CROWD), ..population }
    }

    /// Whether a run counts.
    pub fn counts(&self, ran: &Ran) -> bool {
        ran.void.is_empty() || self.experiment.count_void
    }

    /// Keeps the figures of a run, and tells a line of it.
    pub fn tell(&mut self, name: &str, ran: &Ran, said: &str) -> Result<(), String> {
        self.keep(&format!("{name}.csv"), &ran.report.csv())?;
        let void = ran.void.first().map(|why| format!("; void: {why}")).unwrap_or_default();
        (self.progress)(&format!("{name}: {said}{void}"));
        Ok(())
    }

    /// Writes a file of the report.
    pub fn keep(&self, name: &str, text: &str) -> Result<(), String> {
        keep(&self.place.out, name, text)
    }
}

/// Makes the directory for a report.
pub(super) fn make(out: &Path) -> Result<(), String> {
    fs::create_dir_all(out).map_err(|error| format!("cannot make {}: {error}", out.display()))
}

/// Writes a file of a report.
pub(super) fn keep(out: &Path, name: &str, text: &str) -> Result<(), String> {
    let path = out.join(name);
    fs::write(&path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))
}
