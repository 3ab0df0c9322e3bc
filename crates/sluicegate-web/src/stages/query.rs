//! Numbers in the query of a request to a handler.
use sluicegate_http::{Head, Reply};

/// The number that `key` has in the query, `0..=max`.
///
/// # Errors
/// The reply that says what was found and what is accepted.
pub fn number(head: &Head, key: &str, max: u64) -> Result<u64, Reply> {
    let query = String::from_utf8_lossy(head.query().unwrap_or_default());
    let value = query.split('&').find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='));
    match value.and_then(|value| value.parse().ok()).filter(|number| *number <= max) {
        Some(number) => Ok(number),
        None => {
            let found = value.map_or("is missing".to_owned(), |value| format!("is {value:?}"));
            let what = format!("`{key}` {found}; accepted: ?{key}=N, N from 0 to {max}\n");
            Err(Reply::text(400, what))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(target: &str) -> Result<u64, u16> {
        let text = format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n");
        let head = Head::read(text.as_bytes()).expect("a plain request");
        number(&head, "us", 100).map_err(|reply| reply.status())
    }

    #[test]
    fn a_number_is_taken_from_the_query() {
        assert_eq!(ask("/?us=7"), Ok(7));
        assert_eq!(ask("/?x=1&us=100&y"), Ok(100));
        for target in ["/", "/?us", "/?us=", "/?us=-1", "/?us=101", "/?use=1", "/?us=9e9"] {
            assert_eq!(ask(target), Err(400), "{target}");
        }
    }
}
