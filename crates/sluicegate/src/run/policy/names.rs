//! Stages by their names, as a policy is told of them.

/// The number of the stage called `name` among `stages`.
pub(super) fn number(stages: &[&str], name: &str) -> Result<usize, String> {
    stages.iter().position(|stage| *stage == name).ok_or_else(|| {
        let known: Vec<_> = stages.iter().map(|stage| format!("`{stage}`")).collect();
        format!("it names stage `{name}`, and the domain has {}", known.join(", "))
    })
}

/// The same for several, each of which may be named once.
pub(super) fn numbers<'a>(
    stages: &[&str],
    names: impl IntoIterator<Item = &'a str>,
) -> Result<Vec<usize>, String> {
    let mut numbers = Vec::new();
    for name in names {
        let n = number(stages, name)?;
        if numbers.contains(&n) {
            return Err(format!("it names stage `{name}` twice"));
        }
        numbers.push(n);
    }
    Ok(numbers)
}
