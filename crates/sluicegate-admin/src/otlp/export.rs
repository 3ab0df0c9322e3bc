//! Where spans are sent, and under which name.

use std::fmt;

/// The path of the signal at the address of a collector.
const PATH: &str = "/v1/traces";

/// Where spans are sent, and what they say of the service.
///
/// ```
/// use sluicegate_admin::otlp::Export;
///
/// let export = Export::to("http://127.0.0.1:4318")?.service("shop").version("1.2");
/// assert_eq!(export.url(), "http://127.0.0.1:4318/v1/traces");
/// # Ok::<(), sluicegate_admin::otlp::BadEndpoint>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    url: String,
    service: String,
    version: Option<String>,
}

impl Export {
    /// To the collector at this address, such as `http://127.0.0.1:4318`, as
    /// `OTEL_EXPORTER_OTLP_ENDPOINT` has it: `/v1/traces` follows. The service has the name of the
    /// program, unless another is [said](Self::service).
    ///
    /// # Errors
    /// What is wrong with the address.
    pub fn to(endpoint: &str) -> Result<Self, BadEndpoint> {
        let bad = || BadEndpoint(endpoint.to_owned());
        let rest = endpoint.strip_prefix("http://").ok_or_else(bad)?;
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let odd = |c: char| !c.is_ascii_graphic() || "?#@\\\"<>".contains(c);
        if !is_authority(authority) || rest.contains(odd) {
            return Err(bad());
        }
        let url = format!("http://{authority}{}{PATH}", path.trim_end_matches('/'));
        Ok(Self { url, service: program(), version: None })
    }

    /// Names the service: `service.name` of what is sent.
    #[must_use = "builder methods give the export back"]
    pub fn service(mut self, name: &str) -> Self {
        name.clone_into(&mut self.service);
        self
    }

    /// Says which version of it runs: `service.version`.
    #[must_use = "builder methods give the export back"]
    pub fn version(mut self, version: &str) -> Self {
        self.version = Some(version.to_owned());
        self
    }

    /// Where it is sent to.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The name of the service.
    pub fn name(&self) -> &str {
        &self.service
    }

    /// The service as attributes, by name and value.
    #[cfg(feature = "otlp")]
    pub(super) fn resource(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let own = [
            ("telemetry.sdk.name", "sluicegate"),
            ("telemetry.sdk.language", "rust"),
            ("telemetry.sdk.version", env!("CARGO_PKG_VERSION")),
        ];
        let version = self.version.as_deref().map(|version| ("service.version", version));
        std::iter::once(("service.name", &*self.service)).chain(version).chain(own)
    }
}

/// Whether this is a host, perhaps with a port.
fn is_authority(text: &str) -> bool {
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, port)) if host.parse::<std::net::Ipv6Addr>().is_ok() => (host, port),
        Some(_) => return false,
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    let port = port.strip_prefix(':').map_or(port.is_empty(), |port| port.parse::<u16>().is_ok());
    !host.is_empty() && port
}

/// The name of the program that runs.
fn program() -> String {
    let path = std::env::args_os().next().map(std::path::PathBuf::from);
    let name = path.and_then(|path| path.file_name().map(|name| name.to_owned()));
    name.map_or_else(|| "unknown_service".to_owned(), |name| name.to_string_lossy().into_owned())
}

/// An address to which spans cannot be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadEndpoint(String);

impl fmt::Display for BadEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = &self.0;
        if found.starts_with("https://") {
            return write!(
                f,
                "{found:?} asks for TLS, which is not spoken to collectors; accepted: the address \
                 of one on this machine or network, such as \"http://127.0.0.1:4318\", which can \
                 send on over TLS what it gets"
            );
        }
        write!(
            f,
            "{found:?} is no address of a collector; accepted: one for OTLP over HTTP, such as \
             \"http://127.0.0.1:4318\""
        )
    }
}

impl std::error::Error for BadEndpoint {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_where_the_path_of_the_signal_is_added() {
        for (endpoint, url) in [
            ("http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces"),
            ("http://collector/", "http://collector/v1/traces"),
            ("http://[::1]:4318/otlp/", "http://[::1]:4318/otlp/v1/traces"),
            ("http://a.example:80/x/y", "http://a.example:80/x/y/v1/traces"),
        ] {
            assert_eq!(Export::to(endpoint).expect(endpoint).url(), url);
        }
        for bad in [
            "",
            "127.0.0.1:4318",
            "localhost:4318",
            "http://",
            "http://:4318",
            "http://a:b",
            "http://a:70000",
            "http://a b",
            "http://a?x=1",
            "http://user:word@a",
            "http://[x]:1",
            "http://[::1]x",
            "grpc://a:4317",
        ] {
            let error = Export::to(bad).expect_err(bad).to_string();
            assert!(error.contains("is no address of a collector; accepted:"), "{error}");
        }
        let tls = Export::to("https://a:4318").expect_err("TLS").to_string();
        assert!(tls.contains("TLS") && tls.contains("http://127.0.0.1:4318"), "{tls}");
    }
}
