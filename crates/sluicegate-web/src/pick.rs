//! Which form of some content a request gets: as it is, or coded (RFC 9110 section 12.5.3).
use crate::cache::{Coded, Large, Meta};
use sluicegate_http::coding::accepted;
use sluicegate_http::conditional::{self, Verdict, evaluate};
use sluicegate_http::{Coding, Head};
use std::sync::Arc;

/// A coded form.
pub trait Form {
    /// Its coding.
    fn coding(&self) -> Coding;
    /// What a client is told about it.
    fn meta(&self) -> &Meta;
}

impl Form for Coded {
    fn coding(&self) -> Coding {
        self.variant.coding
    }

    fn meta(&self) -> &Meta {
        &self.variant.meta
    }
}

impl Form for (Coding, Arc<Large>) {
    fn coding(&self) -> Coding {
        self.0
    }

    fn meta(&self) -> &Meta {
        &self.1.meta
    }
}

/// The coded form that a request gets, or none for content as it is, and what its preconditions
/// say of that form. `forms` are in the order of preference. Ranges are of content as it is.
pub fn pick<'a, F: Form>(head: &Head, plain: &Meta, forms: &'a [F]) -> (Option<&'a F>, Verdict) {
    let judge = |form: Option<&F>| evaluate(head, &form.map_or(plain, F::meta).validators());
    if forms.is_empty() {
        return (None, judge(None));
    }
    let Some(accepted) = accepted(head).filter(|_| !conditional::asks_for_range(head)) else {
        return (None, judge(None));
    };
    let best = accepted.choose(forms.iter().map(F::coding));
    let best = best.and_then(|best| forms.iter().find(|form| form.coding() == best));
    let mut found = (best, judge(best));
    if found.1 != Verdict::NotModified && conditional::names_tags(head) {
        // What the client has, or insists on, may be another form: that one is as good.
        let coded = forms.iter().filter(|form| accepted.allows(form.coding())).map(Some);
        for form in coded.chain(accepted.allows_identity().then_some(None)) {
            match (judge(form), found.1) {
                (Verdict::NotModified, _) => return (form, Verdict::NotModified),
                (Verdict::Proceed, Verdict::Failed) => found = (form, Verdict::Proceed),
                _ => {}
            }
        }
    }
    found
}
