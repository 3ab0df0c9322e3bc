//! `sluicegate graph`: the net of a configuration as Mermaid, Graphviz or JSON.

use crate::args::Format;
use crate::{config, say, settings};
use std::path::Path;
use std::process::ExitCode;

/// Draws the net that `serve` would run with this file, without running it.
///
/// # Errors
/// One sentence about why there is no such net.
pub fn draw(file: Option<&Path>, format: Format) -> Result<ExitCode, String> {
    let config = config(&settings(file)?)?;
    let net = sluicegate_web::plan(&config).map_err(|error| error.to_string())?;
    say(&match format {
        Format::Mermaid => net.mermaid(),
        Format::Dot => net.dot(),
        Format::Json => format!("{:#}", sluicegate_web::net_json(&net)),
    });
    Ok(ExitCode::SUCCESS)
}
