//! Classifiers: who is more, or less, important than the route says.
use super::complaint::{Complaint, Complaints};
use super::routes::Route;
use super::settings::{Node, Settings};
use crate::rules::{Classifier, Network, Pattern, Says};

/// Classifiers of a service: each request to a route with a target may be compared with all.
pub const CLASSIFIERS_MAX: usize = 32;
/// Networks of one of them.
pub const NETWORKS_MAX: usize = 64;

/// All `[[class]]`.
pub(super) fn read(
    settings: &Settings,
    routes: &[Route],
    faults: &mut Complaints,
) -> Vec<Classifier> {
    let mut all: Vec<Classifier> = Vec::new();
    for node in settings.top.each("class") {
        let Some(one) = faults.note(one(node)) else { continue };
        if let Some(first) = all.iter().find(|known| known.covers(&one)) {
            let what = format!(
                "this class is never reached: the one before it, `{first}`, is for all that it is \
                 for, and the first counts; accepted: the narrower one first"
            );
            faults.0.push(Complaint::new(node.place.clone(), what));
        }
        all.push(one);
    }
    let first = settings.top.each("class").next();
    if let (Some(node), true) = (first, routes.iter().all(|route| route.target.is_none())) {
        let what = "a class says who goes first where a `target` bounds what waits, and no \
                    [[route]] has one; accepted: both, or neither";
        faults.0.push(Complaint::new(node.place.clone(), what));
    }
    if all.len() > CLASSIFIERS_MAX {
        let what = format!(
            "there are {} [[class]], each of which a request may be compared with; accepted: \
             {CLASSIFIERS_MAX} at most",
            all.len()
        );
        faults.0.push(Complaint::new(settings.top.place.clone(), what));
    }
    all
}

fn one(node: &Node) -> Result<Classifier, Complaint> {
    node.required("class", "class")?;
    let (header, cookie, value) = (node.text("header"), node.text("cookie"), node.text("value"));
    let from: Vec<_> = node.texts("address").iter().filter_map(|t| Network::read(t)).collect();
    let wrong = |name: &str, what: &str| Err(Complaint::new(node.place_near(name).clone(), what));
    if header.is_some() && cookie.is_some() {
        return wrong("cookie", "there are a `header` and a `cookie`; accepted: one of them");
    }
    if header.is_none() && cookie.is_none() && value.is_some() {
        return wrong("value", "`value` is that of a `header` or a `cookie`, and there is none");
    }
    if header.is_none() && cookie.is_none() && from.is_empty() {
        let what = "this class does not say whom it is for; accepted: a `header`, a `cookie`, an \
                    `address`, or an `address` with one of them; what holds for all requests to a \
                    path is the `class` of its [[route]]";
        return wrong("", what);
    }
    if cookie.is_some() && value.as_ref().is_some_and(|value| value.contains(';')) {
        return wrong("value", "`value` has a semicolon, which ends a cookie; accepted: without");
    }
    if from.len() > NETWORKS_MAX {
        let what = format!(
            "there are {} networks; accepted: {NETWORKS_MAX} at most in one class",
            from.len()
        );
        return wrong("address", &what);
    }
    let says = |cookie, name| Says { cookie, name, value };
    Ok(Classifier {
        // The key accepts no more.
        class: node.number("class").unwrap_or(0) as u8,
        weight: node.number("weight").map(|weight| weight as u8),
        says: match (header, cookie) {
            (Some(name), _) => Some(says(false, name)),
            (None, Some(name)) => Some(says(true, name)),
            (None, None) => None,
        },
        from,
        path: node.text("path").and_then(|path| Pattern::read(&path)),
    })
}

#[cfg(test)]
#[path = "classes_tests.rs"]
mod tests;
