//! `/metrics`: what runs here, as scrapers of Prometheus and OpenMetrics take it.

mod accept;
mod catalogue;
mod docs;
mod net;
mod page;

pub use catalogue::{Declared, Id, ServiceMetric, all};
pub use docs::docs;
pub use net::{put_build, put_gate, put_net};
pub use page::{Form, Page};

use crate::answer::{Answer, Asked, Seen, is_read};

/// Shows all metrics, in the form that the scraper likes best.
pub(crate) fn answer(asked: Asked<'_>, seen: &impl Seen) -> Answer {
    if !is_read(asked.method) {
        return Answer::not_allowed("GET, HEAD");
    }
    let form = accept::form(asked.accept.unwrap_or_default());
    let mut page = Page::default();
    seen.put_metrics(&mut page);
    Answer::new(200, form.media_type(), page.text(form))
}
