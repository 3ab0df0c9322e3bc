//! The server's own metrics, beside those of its net.
use super::Watch;
use crate::cache::Counts;
use sluicegate_admin::metrics::{Page, ServiceMetric as M};
use sluicegate_io::{How, Refusal};
use std::sync::atomic::Ordering::Relaxed;

/// Puts connections, what HTTP refused, the cache and what gates heed onto a page.
pub(super) fn put_server(page: &mut Page, watch: &Watch) {
    let counts = watch.connections();
    page.put(M::Opened, &[], counts.opened);
    for how in How::ALL {
        page.put(M::Closed, &[how.name()], counts.closed(how));
    }
    page.put(M::Open, &[], counts.open);
    page.put(M::ConnectionsShed, &[], counts.shed);
    for why in Refusal::ALL {
        page.put(M::ConnectionsRefused, &[why.name()], counts.refused(why));
    }
    for (status, n) in watch.refusals.each() {
        page.put(M::HttpRefused, &[&status.to_string()], n);
    }
    page.put(M::DeadlinesIgnored, &[], watch.deadlines.load(Relaxed));
    page.put(M::LogLost, &[], watch.lost.total());
    page.put(M::CacheUsed, &[], watch.cache.used());
    page.put(M::CacheBudget, &[], watch.cache.limit());
    put_variants(page, &watch.variants);
    for resource in &watch.resources {
        let gauge = resource.gauge();
        page.put_some(M::ResourceUsed, &[gauge.name()], gauge.used());
    }
}

fn put_variants(page: &mut Page, counts: &Counts) {
    let Counts { made, ahead, too_large, dropped, saved } = counts;
    for (metric, count) in [
        (M::VariantsMade, made),
        (M::VariantsAhead, ahead),
        (M::VariantsTooLarge, too_large),
        (M::VariantsDropped, dropped),
        (M::VariantsSaved, saved),
    ] {
        page.put(metric, &[], count.load(Relaxed));
    }
}
