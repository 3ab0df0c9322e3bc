//! Which paths name what may be served.

/// The longest name that is looked for, in bytes; the kernel's own limit is 4096.
pub const NAME_MAX: usize = 4000;

/// The name in a path whose escapes are decoded: UTF-8, relative to the root. `/` is the empty name;
/// a slash at the end stays, for it tells a directory from a file. Nothing where the path names
/// what is never served, whether it exists or not: dot-files, `..`, `//`, what is not UTF-8.
pub fn plain_name(path: &[u8]) -> Option<&str> {
    let name = std::str::from_utf8(path).ok()?.strip_prefix('/')?;
    let inner = name.strip_suffix('/').unwrap_or(name);
    let hidden = |segment: &str| segment.is_empty() || segment.starts_with('.');
    let plain = name.is_empty() || !inner.split('/').any(hidden);
    let fits = plain && name.len() <= NAME_MAX && !name.contains('\0');
    fits.then_some(name)
}
