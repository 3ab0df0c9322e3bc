//! Who of other origins may read replies: the CORS protocol of the Fetch standard.
use sluicegate_http::{Head, Method, Reply};
use std::time::Duration;

/// What is allowed across origins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cors {
    /// Origins; none allows all.
    pub origins: Option<Vec<String>>,
    /// Methods that a preflight allows.
    pub methods: Vec<String>,
    /// Fields of a request that a preflight allows.
    pub headers: Vec<String>,
    /// Fields of a reply that scripts may read.
    pub expose: Vec<String>,
    /// How long a preflight is kept.
    pub max_age: Option<Duration>,
    /// Whether requests may carry cookies and logins.
    pub credentials: bool,
}

/// A preflight asks before the request; it carries no login (Fetch, section 3.3.5).
pub fn is_preflight(head: &Head) -> bool {
    head.method == Method::Options
        && head.has("origin")
        && head.has("access-control-request-method")
}

impl Cors {
    /// The fields that replies have whoever asks.
    pub fn fixed(&self) -> Vec<(String, String)> {
        let mut fields = match self.origins {
            None => vec![("Access-Control-Allow-Origin".to_owned(), "*".to_owned())],
            // Caches must not give one origin's reply to another.
            Some(_) => vec![("Vary".to_owned(), "Origin".to_owned())],
        };
        if !self.expose.is_empty() {
            let names = self.expose.join(", ");
            fields.push(("Access-Control-Expose-Headers".to_owned(), names));
        }
        fields
    }

    /// The reply with the fields for the one who asks.
    pub fn dress(&self, head: &Head, reply: Reply) -> Reply {
        match self.allowed(head) {
            Some(origin) if self.origins.is_some() => self.allow(reply, origin),
            _ => reply,
        }
    }

    /// The reply to a preflight: 204 where it is allowed, 403 where it is not, with the reason.
    pub fn preflight(&self, head: &Head) -> Reply {
        let reply = match self.refusal(head) {
            Some(why) => Reply::text(403, why),
            None => Reply::new(204),
        };
        let vary = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers";
        let allowed = reply.status() == 204;
        let mut reply = reply.header("Vary", vary);
        let Some(origin) = self.allowed(head).filter(|_| allowed) else { return reply };
        reply = match self.origins {
            None => reply.header("Access-Control-Allow-Origin", "*"),
            Some(_) => self.allow(reply, origin),
        };
        reply = reply.header("Access-Control-Allow-Methods", self.methods.join(", "));
        if !self.headers.is_empty() {
            reply = reply.header("Access-Control-Allow-Headers", self.headers.join(", "));
        }
        match self.max_age {
            Some(age) => reply.header("Access-Control-Max-Age", age.as_secs().to_string()),
            None => reply,
        }
    }

    fn allow(&self, reply: Reply, origin: &[u8]) -> Reply {
        let reply = reply.header("Access-Control-Allow-Origin", origin);
        match self.credentials {
            true => reply.header("Access-Control-Allow-Credentials", "true"),
            false => reply,
        }
    }

    /// The origin that asks, if it may.
    fn allowed<'h>(&self, head: &'h Head) -> Option<&'h [u8]> {
        let origin = head.single("origin")?;
        let listed = |all: &Vec<String>| all.iter().any(|known| known.as_bytes() == origin);
        self.origins.as_ref().is_none_or(listed).then_some(origin)
    }

    fn refusal(&self, head: &Head) -> Option<&'static str> {
        let method = head.single("access-control-request-method").unwrap_or_default();
        let known = |name: &[u8]| {
            self.headers.iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
        };
        let mut fields = head
            .all("access-control-request-headers")
            .flat_map(|value| value.split(|byte| *byte == b','))
            .map(<[u8]>::trim_ascii)
            .filter(|name| !name.is_empty());
        if self.allowed(head).is_none() {
            Some("this origin is not allowed here")
        } else if !self.methods.iter().any(|known| known.as_bytes() == method) {
            Some("this method is not allowed from other origins")
        } else if !fields.all(known) {
            Some("a field of the request is not allowed from other origins")
        } else {
            None
        }
    }
}
