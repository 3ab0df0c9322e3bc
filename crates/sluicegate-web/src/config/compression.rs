//! The settings of compression, put together.
use super::settings::Node;
use crate::coding::{Compression, Effort, Order};
use sluicegate_http::Coding;

/// What shrinks. Images, sound, films and archives, but for those named here, are coded already.
const TYPES: [&str; 12] = [
    "text/*",
    "*+json",
    "*+xml",
    "application/json",
    "application/xml",
    "application/yaml",
    "application/toml",
    "application/wasm",
    "font/otf",
    "font/ttf",
    "image/bmp",
    "image/vnd.microsoft.icon",
];

pub(super) fn read(settings: &Node) -> Compression {
    let effort = match settings.text("compression.effort").as_deref() {
        Some("low") => Effort::Low,
        Some("medium") => Effort::Medium,
        Some("high") => Effort::High,
        _ => return Compression::off(),
    };
    let named = settings.texts("compression.encodings");
    let coding = |name: &String| Coding::ALL.into_iter().find(|coding| coding.name() == name);
    let codings: Vec<_> = named.iter().filter_map(coding).collect();
    let types = settings.texts("compression.types");
    Compression {
        order: Order::new(if codings.is_empty() { &Coding::ALL } else { &codings }),
        effort,
        min: settings.number("compression.min").unwrap_or(0),
        types: if types.is_empty() { TYPES.map(str::to_owned).to_vec() } else { types },
    }
}
