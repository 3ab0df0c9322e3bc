//! Where kept flows are sent.
use super::complaint::{Complaint, Complaints};
use super::settings::Settings;
use sluicegate_admin::otlp::Export;

/// The collector, and what it is told of the service. The version of an application is not known
/// unless it is said.
pub(super) fn read(settings: &Settings, is_app: bool, faults: &mut Complaints) -> Option<Export> {
    let s = &settings.top;
    let endpoint = s.text("otlp.endpoint")?;
    let place = s.place_near("otlp.endpoint").clone();
    let export = Export::to(&endpoint)
        .map_err(|bad| Complaint::new(place, format!("`otlp.endpoint`: {bad}")));
    let mut export = faults.note(export)?;
    if let Some(name) = s.text("otlp.service") {
        export = export.service(&name);
    }
    let own = (!is_app).then(|| env!("CARGO_PKG_VERSION").to_owned());
    if let Some(version) = s.text("otlp.version").or(own) {
        export = export.version(&version);
    }
    Some(export)
}

#[cfg(test)]
mod tests {
    use crate::config::{AppRoute, Config, Machine, Settings};

    const MACHINE: Machine = Machine { cpus: 1, memory: 1 << 30, files: 4096 };

    fn read(text: &str) -> Result<Config, String> {
        let typed = Settings::from_toml("site.toml", text).map_err(|error| error.to_string())?;
        Config::new(&typed, MACHINE).map_err(|error| error.to_string())
    }

    #[test]
    fn a_collector_is_an_address_and_what_cannot_be_used_is_said_with_its_place() {
        assert_eq!(read("").expect("a configuration").otlp, None);
        let named = "[otlp]\nendpoint = \"http://127.0.0.1:4318\"\nservice = \"shop\"\n";
        let export = read(named).expect("a configuration").otlp.expect("there is one");
        assert_eq!((export.url(), export.name()), ("http://127.0.0.1:4318/v1/traces", "shop"));
        let typed = Settings::from_toml("site.toml", named).expect("known settings");
        let app = Config::for_app(&typed, MACHINE, AppRoute::default()).expect("a configuration");
        assert_ne!(app.otlp, Some(export), "the version of an application is its own");
        for (endpoint, said) in [
            ("https://a:4318", "asks for TLS"),
            ("a:4318", "is no address of a collector; accepted:"),
        ] {
            let error = read(&format!("[otlp]\nendpoint = \"{endpoint}\"\n")).expect_err("bad");
            assert!(error.starts_with("site.toml:2:") && error.contains(said), "{error}");
        }
    }
}
