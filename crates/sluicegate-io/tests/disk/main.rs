//! Reads, writes and syncs of files and devices: the same by the workers' own rings, by a pool and
//! of a simulated disk.

#[path = "../common/mod.rs"]
mod common;
mod hears;
mod reads;
mod sim_cuts;
mod sim_reads;
mod sim_world;
mod sim_writes;
mod space;
mod world;
mod writes;

use sluicegate::sim::Random;

fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut random = Random::new(seed);
    let mut bytes: Vec<u8> =
        (0..len.div_ceil(8)).flat_map(|_| random.next_u64().to_ne_bytes()).collect();
    bytes.truncate(len);
    bytes
}
