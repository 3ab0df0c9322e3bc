//! Which form of metrics a scraper likes best, by its field `Accept`.

use super::page::Form;

/// OpenMetrics where it is named and no less liked than plain text; whatever else is said, plain
/// text, which browsers show too.
pub(super) fn form(accept: &[u8]) -> Form {
    let accept = std::str::from_utf8(accept).unwrap_or_default();
    let liked = |types: &[&str]| {
        let ranges = accept.split(',').map(range);
        let those = ranges.filter(|(name, _)| types.iter().any(|it| name.eq_ignore_ascii_case(it)));
        those.map(|(_, liked)| liked).fold(0.0, f64::max)
    };
    let open = liked(&["application/openmetrics-text"]);
    let plain = liked(&["text/plain"]);
    if open > 0.0 && open >= plain { Form::OpenMetrics } else { Form::Prometheus }
}

/// The media type of a range, and how much it is liked.
fn range(range: &str) -> (&str, f64) {
    let mut parts = range.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default();
    let mut liked = parts.filter_map(|part| part.strip_prefix("q=")?.parse().ok());
    (name, liked.next().unwrap_or(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scrapers_get_what_they_ask_for_and_others_plain_text() {
        let scraper = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
                       application/openmetrics-text;version=0.0.1;q=0.5,\
                       text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,\
                       text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        for open in [
            scraper,
            "application/openmetrics-text",
            "text/plain;q=0.9, \
                     Application/OpenMetrics-Text; version=1.0.0",
        ] {
            assert_eq!(form(open.as_bytes()), Form::OpenMetrics, "{open}");
        }
        let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
        for plain in [
            "",
            "*/*",
            "text/plain",
            browser,
            "application/openmetrics-text;q=0",
            "text/plain, application/openmetrics-text;q=0.5",
            "\u{e4},;q=,;;",
        ] {
            assert_eq!(form(plain.as_bytes()), Form::Prometheus, "{plain}");
        }
        assert_eq!(form(b"\xff"), Form::Prometheus);
    }
}
