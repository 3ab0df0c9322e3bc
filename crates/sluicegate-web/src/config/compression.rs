//! The settings of compression, put together.
use super::settings::Node;
use sluicegate_files::{Compression, Effort, Order};
use sluicegate_http::Coding;

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
    let usual = Compression::usual(effort);
    Compression {
        order: if codings.is_empty() { usual.order } else { Order::new(&codings) },
        min: settings.number("compression.min").unwrap_or(0),
        types: if types.is_empty() { usual.types } else { types },
        ..usual
    }
}
