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
mod faults;
mod flows;
mod fused;
mod groups;
mod homes;
mod late;
mod laws;
#[allow(dead_code, reason = "its net is simulated here; it is run as an example")]
#[path = "../../examples/own_law.rs"]
mod laws_own;
mod ledger;
mod letters;
mod levels;
mod load;
mod mutants;
mod numbers;
mod orders;
mod overload;
mod panics;
mod parts;
mod parts_drawn;
mod pauses;
mod permits;
mod places;
mod policies;
mod pools;
mod pressed;
mod quality;
mod random;
mod replaced;
mod resources;
mod rest;
mod routing;
mod seeds;
mod settings;
mod signals;
mod sizing;
mod slowest;
mod supervision;
mod tasks;
mod timers;
mod traces;
mod transactions;
mod troubles;
mod windows;
mod wires;
