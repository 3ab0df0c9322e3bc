//! `/api/stages/NAME/pause`, `step` and `resume`: a stage is held still, and let go on.

use crate::answer::{Answer, Asked, Seen, Steer};
use crate::events;
use serde_json::json;

/// Whether a path is that of a stage.
pub(crate) fn is_one(path: &str) -> bool {
    path.starts_with("/api/stages/")
}

/// Does what a POST says.
pub(crate) fn answer(asked: Asked<'_>, seen: &impl Seen) -> Answer {
    let named = asked.path.strip_prefix("/api/stages/").and_then(|path| path.rsplit_once('/'));
    let Some((stage, verb)) = named else { return nowhere() };
    let how = match verb {
        "pause" => Steer::Pause,
        "step" => Steer::Step,
        "resume" => Steer::Resume,
        _ => return nowhere(),
    };
    if asked.method != b"POST" {
        return Answer::not_allowed("POST");
    }
    let by = asked.by();
    match seen.steer(&by, stage, how) {
        Ok(()) => {
            seen.changed();
            events::steered(&by, stage, how);
            Answer::json(&json!({ "stage": stage, "done": verb }))
        }
        Err(why) => why.answer(),
    }
}

fn nowhere() -> Answer {
    Answer::text(404, "accepted: POST /api/stages/NAME/pause, step or resume\n")
}
