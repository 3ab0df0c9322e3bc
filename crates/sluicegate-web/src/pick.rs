//! Which form of some content a request gets: as it is, or coded (RFC 9110 section 12.5.3).
use crate::cache::{Form, Meta};
use sluicegate_http::Head;
use sluicegate_http::coding::accepted;
use sluicegate_http::conditional::{self, Verdict, evaluate};

/// The coded form that a request gets, or none for content as it is, and what its preconditions
/// say of that form. `forms` are in the order of preference. Ranges are of content as it is.
pub fn pick<'a>(head: &Head, plain: &Meta, forms: &'a [Form]) -> (Option<&'a Form>, Verdict) {
    let meta = |form: Option<&'a Form>| form.map_or(plain, |form| &form.meta);
    let judge = |form: Option<&'a Form>| evaluate(head, &meta(form).validators());
    if forms.is_empty() {
        return (None, judge(None));
    }
    let Some(accepted) = accepted(head).filter(|_| !conditional::asks_for_range(head)) else {
        return (None, judge(None));
    };
    let best = accepted.choose(forms.iter().filter_map(|form| form.coding));
    let best = best.and_then(|best| forms.iter().find(|form| form.coding == Some(best)));
    let mut found = (best, judge(best));
    if found.1 != Verdict::NotModified && conditional::names_tags(head) {
        // What the client has, or insists on, may be another form: that one is as good.
        let allowed = |form: &&Form| form.coding.is_some_and(|coding| accepted.allows(coding));
        let coded = forms.iter().filter(allowed).map(Some);
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
