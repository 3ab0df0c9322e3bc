//! Who is admitted to the admin listener of a configuration.
use crate::config::Config;
use crate::service::NotStarted;
use sluicegate_admin::{Guard, Token};
use std::fs;

/// Reads the token, where one is asked for.
///
/// # Errors
/// A file that cannot be read, or has no token.
pub(crate) fn guard(config: &Config) -> Result<Guard, NotStarted> {
    let hosts = config.admin_hosts.iter();
    let guard = hosts.fold(Guard::OPEN, |guard, host| guard.with_host(host));
    let Some(path) = &config.admin_token else { return Ok(guard) };
    let unusable = |why: String| {
        let path = path.display();
        NotStarted(format!("`admin_token_file` cannot be used: {path}: {why}"))
    };
    let text = fs::read_to_string(path).map_err(|error| unusable(error.to_string()))?;
    let token = Token::new(&text).map_err(|accepted| unusable(accepted.to_owned()))?;
    Ok(guard.with_token(token))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Machine, Settings};
    use crate::scratch::Scratch;
    use crate::{Service, check};

    fn config(text: &str) -> Result<Config, String> {
        let typed = Settings::from_toml("site.toml", text).map_err(|faults| faults.to_string())?;
        let machine = Machine { cpus: 1, memory: 1 << 30, files: 4096 };
        Config::new(&typed, machine).map_err(|faults| faults.to_string())
    }

    #[test]
    fn who_listens_for_others_asks_for_a_token() {
        for admin in ["0.0.0.0:9900", "[::]:0", "192.0.2.1:9900"] {
            let told = config(&format!("\nadmin = \"{admin}\"\n")).expect_err("anybody may come");
            assert!(told.starts_with("site.toml:2:9: `admin` is reached from elsewhere"), "{told}");
            assert!(told.contains("`admin_token_file`"), "{told}");
            let text = format!("admin = \"{admin}\"\nadmin_token_file = \"token\"\n");
            assert!(config(&text).is_ok(), "{admin}");
        }
        for admin in ["127.0.0.1:9900", "127.1.2.3:0", "[::1]:9900", "unix:/tmp/admin.sock"] {
            assert!(config(&format!("admin = \"{admin}\"\n")).is_ok(), "{admin}");
        }
    }

    #[test]
    fn a_file_without_a_token_is_said_before_the_start() {
        let scratch = Scratch::new();
        let path = scratch.path().join("token").display().to_string();
        let text = format!("admin = \"127.0.0.1:0\"\nadmin_token_file = \"{path}\"\n");
        let config = config(&text).expect("a complete configuration");
        for told in [check(&config).err(), Service::start(&config).err()] {
            let told = told.expect("there is no file").to_string();
            assert!(told.starts_with("`admin_token_file` cannot be used: /"), "{told}");
        }
        scratch.write("token", "short\n");
        let told = check(&config).expect_err("it is too short").to_string();
        assert!(told.contains("a token has 16 to 512"), "{told}");
        scratch.write("token", "0123456789abcdef\n");
        assert!(check(&config).is_ok());
    }
}
