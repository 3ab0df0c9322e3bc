//! A listing as a page of its own: no script, no other file, light or dark as the reader likes.
use super::read::Entry;
use super::{By, Listing, Order};
use crate::config::show_bytes;
use crate::serve::encode;
use std::fmt::Write;
use std::time::SystemTime;

const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1b1f24;--dim:#667080;--line:#e3e7ec;--page:#fff;--row:#f5f8fb;\
--link:#0b62b8}\
@media(prefers-color-scheme:dark){:root{--ink:#e6eaf0;--dim:#8f9bab;--line:#2a313b;--page:#14181d;\
--row:#1c222a;--link:#79b8ff}}\
body{margin:0;background:var(--page);color:var(--ink);font:16px/1.5 system-ui,sans-serif}\
main{max-width:60rem;margin:0 auto;padding:2rem 1rem}\
h1{font-size:1.25rem;font-weight:600;margin:0 0 1rem;overflow-wrap:anywhere}\
a{color:var(--link);text-decoration:none}a:hover{text-decoration:underline}\
table{width:100%;border-collapse:collapse}\
th{text-align:left;font-weight:500;font-size:.85rem;border-bottom:1px solid var(--line)}\
th a{color:var(--dim)}th,td{padding:.35rem .6rem}tbody tr:hover{background:var(--row)}\
td:first-child{overflow-wrap:anywhere}.n{text-align:right}\
.n,.d{white-space:nowrap;color:var(--dim);font-variant-numeric:tabular-nums}\
footer{margin-top:1rem;color:var(--dim);font-size:.85rem}\
@media(max-width:36rem){.d{display:none}}";

/// Draws a listing that was sorted in this order.
pub fn html(listing: &Listing, order: Order) -> String {
    let mut page = String::with_capacity(4096 + 256 * listing.entries.len());
    let title = escape(&listing.path);
    // Writing to a string cannot fail, here and below.
    let _ = write!(
        page,
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <title>{title}</title><style>{STYLE}</style></head>\n<body><main><h1>"
    );
    crumbs(&listing.path, &mut page);
    page.push_str("</h1>\n<table><thead><tr>");
    for (by, title, class) in
        [(By::Name, "Name", ""), (By::Size, "Size", "n"), (By::Date, "Modified (UTC)", "d")]
    {
        column(by, title, class, order, &mut page);
    }
    page.push_str("</tr></thead>\n<tbody>\n");
    if listing.path != "/" {
        page.push_str("<tr><td><a href=\"../\">../</a></td><td></td><td></td></tr>\n");
    }
    listing.entries.iter().for_each(|entry| row(entry, &mut page));
    let count = listing.entries.len();
    let more = if listing.complete { "" } else { ", and more that are not shown" };
    let files = if count == 1 { "entry" } else { "entries" };
    let _ = write!(
        page,
        "</tbody></table>\n<footer>{count} {files}{more}</footer></main></body></html>\n"
    );
    page
}

/// Links to all directories above.
fn crumbs(path: &str, page: &mut String) {
    page.push_str("<a href=\"/\">/</a>");
    let mut above = String::from("/");
    for part in path.split('/').filter(|part| !part.is_empty()) {
        above.push_str(part);
        above.push('/');
        let place = encode(above.as_bytes());
        let _ = write!(page, " <a href=\"{}\">{}</a> /", escape(&place), escape(part));
    }
}

/// The head of a column: a link that sorts by it, and turns the order where it is sorted so.
fn column(by: By, title: &str, class: &str, order: Order, page: &mut String) {
    let here = order.by == by;
    let next = if here && !order.down { "desc" } else { "asc" };
    let (mark, sorted) = match (here, order.down) {
        (false, _) => ("", ""),
        (true, false) => (" \u{2191}", " aria-sort=\"ascending\""),
        (true, true) => (" \u{2193}", " aria-sort=\"descending\""),
    };
    let word = by.word();
    let _ = write!(
        page,
        "<th class=\"{class}\"{sorted}><a href=\"?sort={word}&amp;order={next}\">{title}{mark}</a>\
         </th>"
    );
}

fn row(entry: &Entry, page: &mut String) {
    let slash = if entry.directory { "/" } else { "" };
    // The dot keeps a name with a colon from being read as a scheme.
    let place = format!("./{}{slash}", encode(entry.name.as_bytes()));
    let size = entry.size.map(show_bytes).unwrap_or_default();
    let (name, date) = (escape(&entry.name), minute(entry.modified));
    let _ = writeln!(
        page,
        "<tr><td><a href=\"{}\">{name}{slash}</a></td><td class=\"n\">{size}</td>\
         <td class=\"d\">{date}</td></tr>",
        escape(&place)
    );
}

/// Text that means itself in HTML.
fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            // Neither control characters nor those that turn the direction of the text around.
            c if c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c) => safe.push('\u{fffd}'),
            c => safe.push(c),
        }
    }
    safe
}

/// A time as `2026-11-23 12:30`, in UTC: days are counted in eras of 400 years that begin in
/// March, so that the leap day is the last of its year.
fn minute(time: SystemTime) -> String {
    let passed = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    let (days, rest) = (passed / 86_400 + 719_468, passed % 86_400);
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = era * 400 + year + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02}", rest / 3600, rest % 3600 / 60)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn times_are_shown_by_the_minute() {
        for (seconds, shown) in [
            (0, "1970-01-01 00:00"),
            (951_782_399, "2000-02-28 23:59"),
            (951_782_400, "2000-02-29 00:00"),
            (951_868_800, "2000-03-01 00:00"),
            (1_000_000_000, "2001-09-09 01:46"),
            (4_107_542_400, "2100-03-01 00:00"),
        ] {
            assert_eq!(minute(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)), shown);
        }
    }

    #[test]
    fn names_mean_themselves() {
        assert_eq!(
            escape("<a href='x'>&\"\u{202e}\n"),
            "&lt;a href=&#39;x&#39;&gt;&amp;&quot;\u{fffd}\u{fffd}"
        );
        assert_eq!(escape("gr\u{fc}n"), "gr\u{fc}n");
    }
}
