//! What the query of a request to a handler says.
use sluicegate_http::{Head, Reply};

/// The number that `key` has in the query, `0..=max`.
///
/// # Errors
/// The reply that says what was found and what is accepted.
pub fn number(head: &Head, key: &str, max: u64) -> Result<u64, Reply> {
    match value(head, key) {
        Some(value) => read(&value, key, max),
        None => Err(unfit(key, "is missing", max)),
    }
}

/// The same where it may be left out.
///
/// # Errors
/// As [`number`], but for one that is missing.
pub fn number_or(head: &Head, key: &str, max: u64, preset: u64) -> Result<u64, Reply> {
    value(head, key).map_or(Ok(preset), |value| read(&value, key, max))
}

/// What stands behind the key, as it came.
fn value(head: &Head, key: &str) -> Option<String> {
    let query = String::from_utf8_lossy(head.query()?);
    let value = query.split('&').find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='));
    value.map(str::to_owned)
}

fn read(value: &str, key: &str, max: u64) -> Result<u64, Reply> {
    let number = value.parse().ok().filter(|number| *number <= max);
    number.ok_or_else(|| unfit(key, &format!("is {value:?}"), max))
}

fn unfit(key: &str, found: &str, max: u64) -> Reply {
    Reply::text(400, format!("`{key}` {found}; accepted: ?{key}=N, N from 0 to {max}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(target: &str) -> Head {
        let text = format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n");
        Head::read(text.as_bytes()).expect("a plain request")
    }

    fn ask(target: &str) -> Result<u64, u16> {
        number(&head(target), "us", 100).map_err(|reply| reply.status())
    }

    #[test]
    fn a_number_that_may_be_left_out_is_right_where_it_is_given() {
        let ask = |target| number_or(&head(target), "us", 100, 9).map_err(|reply| reply.status());
        for (target, found) in
            [("/", Ok(9)), ("/?x=1", Ok(9)), ("/?us=7", Ok(7)), ("/?us=", Err(400))]
        {
            assert_eq!(ask(target), found, "{target}");
        }
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
