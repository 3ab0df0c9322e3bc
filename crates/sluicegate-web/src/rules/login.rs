//! Basic authentication (RFC 7617): who may log in, and who did lately.
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use sluicegate::Time;
use sluicegate_http::{Head, Reply};
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Logins that are remembered at once; more are verified again.
const REMEMBERED_MAX: usize = 4096;
/// For so long a login is remembered, so that its slow hash is not made for each request.
const REMEMBERED: Duration = Duration::from_secs(300);
/// The longest field that is looked at, in bytes.
const FIELD_MAX: usize = 1024;
/// The least and the greatest cost of a hash that is accepted: each step doubles its time, and the
/// greatest takes seconds.
const COSTS: std::ops::RangeInclusive<u32> = 4..=16;
/// The cost of a hash that is made here: about a quarter of a second.
pub const COST: u32 = 12;
/// The longest password: bcrypt reads no more.
pub const PASSWORD_MAX: usize = 71;

/// Those who may log in to a realm.
#[derive(Debug)]
pub struct Door {
    /// The field that asks for a login.
    challenge: String,
    users: HashMap<String, String>,
    /// Verified in the place of users that are not there, so that they take as long.
    nobody: String,
    /// Looked at only by requests that carry a login, for one look-up; the hash is made outside.
    lately: Mutex<HashMap<u128, Time>>,
    keys: [RandomState; 2],
}

/// A name with its password.
pub struct Login {
    name: String,
    password: String,
}

impl Door {
    /// The hashes are as [`is_user`] accepts them.
    pub fn new(realm: &str, users: Vec<(String, String)>) -> Door {
        let realm = realm.replace('\\', "\\\\").replace('"', "\\\"");
        // The costliest of them: nobody is to be quicker than somebody.
        let nobody = users.iter().map(|(_, hash)| hash).max_by_key(|hash| cost(hash)).cloned();
        Door {
            challenge: format!("Basic realm=\"{realm}\", charset=\"UTF-8\""),
            users: users.into_iter().collect(),
            nobody: nobody.unwrap_or_default(),
            lately: Mutex::default(),
            keys: [RandomState::new(), RandomState::new()],
        }
    }

    /// The reply to who may not pass.
    pub fn refuse(&self) -> Reply {
        Reply::plain(401).header("WWW-Authenticate", &self.challenge)
    }

    /// Whether this login was verified lately. What is remembered is found by a hash under keys
    /// that nobody outside knows, so that how long it takes tells nothing of the password.
    pub fn remembers(&self, login: &Login, now: Time) -> bool {
        let key = self.key(login);
        self.lately().get(&key).is_some_and(|until| now < *until)
    }

    /// Verifies a login: takes a good part of a second, and belongs in a pool.
    pub fn verify(&self, login: &Login, now: Time) -> bool {
        let hash = self.users.get(&login.name);
        let right = bcrypt::non_truncating_verify(&login.password, hash.unwrap_or(&self.nobody));
        let verified = hash.is_some() && right.unwrap_or(false);
        if verified {
            let key = self.key(login);
            let mut lately = self.lately();
            if lately.len() >= REMEMBERED_MAX {
                lately.retain(|_, until| now < *until);
            }
            if lately.len() >= REMEMBERED_MAX {
                lately.clear();
            }
            lately.insert(key, now + REMEMBERED);
        }
        verified
    }

    fn key(&self, login: &Login) -> u128 {
        let [high, low] =
            self.keys.each_ref().map(|keys| keys.hash_one((&login.name, &login.password)));
        (u128::from(high) << 64) | u128::from(low)
    }

    fn lately(&self) -> std::sync::MutexGuard<'_, HashMap<u128, Time>> {
        // Every change of it is complete before anything can panic.
        self.lately.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Login {
    /// The login in a request's head.
    pub fn of(head: &Head) -> Option<Login> {
        let value = head.single("authorization")?;
        if value.len() > FIELD_MAX {
            return None;
        }
        let (scheme, rest) = value.split_at_checked("basic ".len())?;
        if !scheme.eq_ignore_ascii_case(b"basic ") {
            return None;
        }
        let text = String::from_utf8(BASE64_STANDARD.decode(rest.trim_ascii()).ok()?).ok()?;
        let (name, password) = text.split_once(':')?;
        let sound = password.len() <= PASSWORD_MAX && !password.contains('\0');
        sound.then(|| Login { name: name.to_owned(), password: password.to_owned() })
    }
}

/// Whether a configuration may name this user with this hash.
pub fn is_user(name: &str, hash: &str) -> bool {
    let kind = ["$2a$", "$2b$", "$2y$"].iter().any(|kind| hash.starts_with(kind));
    let sound = hash.len() == 60 && kind && hash.is_ascii();
    let named = !name.is_empty() && !name.contains(':') && !name.chars().any(char::is_control);
    named
        && sound
        && COSTS.contains(&cost(hash))
        && hash[7..].bytes().all(|b| b.is_ascii_alphanumeric() || b"./".contains(&b))
}

fn cost(hash: &str) -> u32 {
    hash.get(4..6).and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

/// The users in the text of a file: lines `name:hash`, with blank lines and `#` comments between.
///
/// # Errors
/// The number of the first line that is none, counted from 1.
pub fn users(text: &str) -> Result<Vec<(String, String)>, usize> {
    let lines = text.lines().map(str::trim).enumerate();
    let told = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    told.map(|(at, line)| {
        let user = line.split_once(':').filter(|(name, hash)| is_user(name, hash));
        user.map(|(name, hash)| (name.to_owned(), hash.to_owned())).ok_or(at + 1)
    })
    .collect()
}

/// The hash of a password, for a configuration.
///
/// # Errors
/// Why there is none, in one sentence.
pub fn hash(password: &str) -> Result<String, String> {
    let found = match password {
        "" => "it is empty".to_owned(),
        long if long.len() > PASSWORD_MAX => format!("it has {} bytes", long.len()),
        zero if zero.contains('\0') => "it has a zero byte".to_owned(),
        _ => {
            let hash = bcrypt::non_truncating_hash(password, COST);
            return hash.map_err(|error| format!("the password cannot be hashed: {error}"));
        }
    };
    Err(format!("the password cannot be used: {found}; accepted: 1 to {PASSWORD_MAX} bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of "open sesame", at the least cost.
    fn door() -> Door {
        let hash = bcrypt::non_truncating_hash("open sesame", 4).expect("a short password");
        assert!(is_user("ali", &hash), "{hash}");
        Door::new("the \"cave\"", vec![("ali".to_owned(), hash)])
    }

    fn login(text: &str) -> Option<Login> {
        let coded = BASE64_STANDARD.encode(text);
        let head = format!("GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Basic {coded}\r\n\r\n");
        Login::of(&Head::read(head.as_bytes()).expect("a plain request"))
    }

    #[test]
    fn who_knows_the_password_comes_in_and_is_remembered_for_a_while() {
        let door = door();
        assert_eq!(door.challenge, "Basic realm=\"the \\\"cave\\\"\", charset=\"UTF-8\"");
        let right = login("ali:open sesame").expect("a login");
        assert!(!door.remembers(&right, Time(0)));
        for wrong in ["ali:open", "ali:", "baba:open sesame", ":open sesame", "Ali:open sesame"] {
            let wrong = login(wrong).expect("a login");
            assert!(!door.verify(&wrong, Time(0)) && !door.remembers(&wrong, Time(0)));
        }
        assert!(door.verify(&right, Time(0)) && door.remembers(&right, Time(1)));
        assert!(!door.remembers(&right, Time(0) + REMEMBERED));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let door = door();
        let right = login("ali:open sesame").expect("a login");
        door.lately().extend((0..REMEMBERED_MAX as u128).map(|n| (n, Time(u64::MAX))));
        assert!(door.verify(&right, Time(0)));
        assert!(door.lately().len() <= REMEMBERED_MAX && door.remembers(&right, Time(0)));
    }

    #[test]
    fn what_is_no_login_is_none() {
        assert!(login("no colon").is_none());
        assert!(login(&format!("a:{}", "x".repeat(PASSWORD_MAX + 1))).is_none());
        for field in ["Basic", "Basic !!!", "Bearer YTpi", "Basic YTpi, x"] {
            let head = format!("GET / HTTP/1.1\r\nHost: a\r\nAuthorization: {field}\r\n\r\n");
            let head = Head::read(head.as_bytes()).expect("a plain request");
            assert!(Login::of(&head).is_none(), "{field}");
        }
    }

    #[test]
    fn a_file_of_users_is_read_by_lines() {
        let hash = "$2y$10$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234";
        let text = format!("# people\n\nali:{hash}\n");
        assert_eq!(users(&text), Ok(vec![("ali".to_owned(), hash.to_owned())]));
        assert_eq!(users(&format!("ali:{hash}\nbaba:secret\n")), Err(2));
        assert_eq!(users("ali:$apr1$x$y\n"), Err(1));
        assert!(!is_user("ali", &hash.replace("$10$", "$31$")), "a hash that takes hours");
    }

    #[test]
    fn a_password_that_would_be_cut_is_not_hashed() {
        assert!(hash("").is_err() && hash(&"x".repeat(PASSWORD_MAX + 1)).is_err());
    }
}
