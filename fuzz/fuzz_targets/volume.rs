//! Volumes that were damaged, and volumes that were forged with checksums that are right: what is
//! read is as it was packed or an error, and nothing panics.
#![no_main]

#[path = "../../crates/sluicegate-volume/tests/exercise/mod.rs"]
mod exercise;

use exercise::Damage;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    exercise::forged_does_not_panic(data);
    let damages: Vec<Damage> = data.chunks_exact(6).take(8).map(damage).collect();
    exercise::damaged_is_never_wrong(&damages);
});

fn damage(bytes: &[u8]) -> Damage {
    let at = u32::from_le_bytes([bytes[1], bytes[2], bytes[3], 0]);
    let number = u16::from_le_bytes([bytes[4], bytes[5]]);
    match bytes[0] % 4 {
        0 => Damage::Flip(at, bytes[4]),
        1 => Damage::Zero(at, number),
        2 => Damage::Misplace(at as u16, number),
        _ => Damage::Truncate(at),
    }
}
