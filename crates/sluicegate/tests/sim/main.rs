//! Whole nets in virtual time: every test runs the workers' own loops in orders drawn from seeds.
#![forbid(unsafe_code)]

mod admission;
mod askers;
mod batches;
mod busy;
mod charges;
mod clients;
mod common;
mod drain;
mod groups;
mod homes;
mod late;
mod laws;
#[allow(dead_code, reason = "its net is simulated here; it is run as an example")]
#[path = "../../examples/own_law.rs"]
mod laws_own;
mod ledger;
mod load;
mod mutants;
mod overload;
mod panics;
mod permits;
mod policies;
mod pools;
mod quality;
mod random;
mod resources;
mod rest;
mod seeds;
mod signals;
mod sizing;
mod tasks;
mod traces;
mod troubles;
mod windows;
mod wires;
