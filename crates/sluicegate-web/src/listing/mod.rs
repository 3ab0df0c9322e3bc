//! Directories as pages: read, sorted, and drawn as HTML or JSON.
mod html;
mod read;

pub use html::html;
pub use read::{Listing, read};

use read::Entry;
use serde_json::json;
use std::cmp::Ordering;

/// In which order entries are shown; directories always first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    by: By,
    /// The greatest first.
    down: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Name,
    Size,
    Date,
}

impl By {
    /// As it stands in a query.
    fn word(self) -> &'static str {
        match self {
            By::Name => "name",
            By::Size => "size",
            By::Date => "date",
        }
    }
}

impl Order {
    /// The order in a query, `sort=name|size|date` and `order=asc|desc`; by name where it says
    /// nothing that is known.
    pub fn of(query: Option<&[u8]>) -> Order {
        let mut order = Order { by: By::Name, down: false };
        for pair in query.unwrap_or_default().split(|byte| *byte == b'&') {
            match pair {
                b"sort=size" => order.by = By::Size,
                b"sort=date" => order.by = By::Date,
                b"order=desc" => order.down = true,
                _ => {}
            }
        }
        order
    }

    /// Sorts entries.
    pub fn sort(self, entries: &mut [Entry]) {
        entries.sort_by(|a, b| {
            let one = match self.by {
                By::Name => Ordering::Equal,
                By::Size => a.size.cmp(&b.size),
                By::Date => a.modified.cmp(&b.modified),
            };
            let both = one.then_with(|| folded(&a.name).cmp(&folded(&b.name)));
            let both = if self.down { both.reverse() } else { both };
            b.directory.cmp(&a.directory).then(both)
        });
    }
}

/// A name as it is compared: without case, and by itself where that leaves it open.
fn folded(name: &str) -> (String, &str) {
    (name.to_lowercase(), name)
}

/// A listing as JSON.
pub fn json(listing: &Listing) -> String {
    let entries = listing.entries.iter().map(|entry| {
        let kind = if entry.directory { "directory" } else { "file" };
        let modified = httpdate::fmt_http_date(entry.modified);
        json!({ "name": entry.name, "type": kind, "size": entry.size, "modified": modified })
    });
    let entries: Vec<_> = entries.collect();
    json!({ "path": listing.path, "entries": entries, "complete": listing.complete }).to_string()
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
