//! `sluicegate pack` and `sluicegate verify`: from a directory to a volume, and whether that is
//! sound.
use crate::args::Pack;
use crate::say;
use sluicegate_volume::{Checked, Options, Packed, VolumeError, pack_into};
use sluicegate_web::{Compression, Effort, show_bytes};
use std::path::Path;
use std::process::ExitCode;
use std::time::SystemTime;

/// Something in the volume is not as it was packed.
const BROKEN: u8 = 1;

/// Packs a directory.
///
/// # Errors
/// One sentence about why it was not packed.
pub fn pack(args: &Pack) -> Result<ExitCode, String> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let options = Options {
        index: args.index.clone(),
        compression: compression(&args.effort),
        threads: args.threads.unwrap_or(threads),
        overwrite: args.overwrite,
        now: SystemTime::now(),
    };
    let (dir, volume) = (args.dir.display(), args.volume.display());
    let packed = pack_into(&args.dir, &args.volume, &options)
        .map_err(|error| format!("cannot pack `{dir}` into `{volume}`: {error}"))?;
    say(&format!("packed {dir} into {volume}: generation {}", packed.generation));
    told(&packed).iter().for_each(|line| _ = say(&format!("  {line}")));
    Ok(ExitCode::SUCCESS)
}

fn compression(effort: &str) -> Compression {
    match effort {
        "low" => Compression::usual(Effort::Low),
        "medium" => Compression::usual(Effort::Medium),
        "high" => Compression::usual(Effort::High),
        _ => Compression::off(),
    }
}

/// What was packed, in lines.
fn told(packed: &Packed) -> Vec<String> {
    let Packed { files, directories, coded, made, kept, .. } = packed;
    let mut lines = vec![
        format!("files: {files}, directories: {directories}"),
        format!("coded forms: {coded}, made here: {made}"),
        format!("content: {}, volume: {}", show_bytes(packed.bytes), show_bytes(packed.end)),
    ];
    if packed.generation > 1 {
        lines.push(format!("as they were in the generation before: {kept}"));
    }
    let left_out = packed.left_out.iter().map(|(why, number)| format!("{why}: {number}"));
    let left_out: Vec<_> = left_out.collect();
    if !left_out.is_empty() {
        lines.push(format!("left out, for they are never served: {}", left_out.join("; ")));
    }
    lines
}

/// Checks a volume. What is broken is told by its name.
///
/// # Errors
/// One sentence, where there is nothing that can be read.
pub fn verify(path: &Path) -> Result<ExitCode, String> {
    let volume = path.display();
    let file = sluicegate_volume::open(path)
        .map_err(|error| format!("cannot open `{volume}`: {error}"))?;
    match sluicegate_volume::verify(&file, |broken| _ = say(&format!("{volume}: {broken}"))) {
        Ok(checked @ Checked { broken: 0, .. }) => {
            let Checked { generation, objects, bytes, .. } = checked;
            let bytes = show_bytes(bytes);
            say(&format!(
                "{volume} is sound: generation {generation}, {objects} objects, {bytes} of content"
            ));
            Ok(ExitCode::SUCCESS)
        }
        Ok(Checked { broken, objects, .. }) => {
            say(&format!("{volume} is broken: {broken} of {objects} objects; pack it again"));
            Ok(ExitCode::from(BROKEN))
        }
        Err(VolumeError::Read(error)) => Err(format!("`{volume}` cannot be read: {error}")),
        Err(error) => {
            say(&format!("{volume} {error}"));
            Ok(ExitCode::from(BROKEN))
        }
    }
}
