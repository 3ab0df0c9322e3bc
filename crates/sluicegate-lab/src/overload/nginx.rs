//! nginx before a server: its configuration, and how it is started without root.

use std::path::{Path, PathBuf};

use sluicegate_io::Addr;

use super::program::Program;

/// Connections that wait for a further request to the server behind.
const KEPT: usize = 1024;

/// What limits, as lines of the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Limit {
    /// Where it is counted.
    zone: String,
    /// Where it holds.
    rule: String,
}

impl Limit {
    pub fn connections(n: usize) -> Self {
        Self {
            zone: "limit_conn_zone $server_name zone=all:1m;".to_owned(),
            rule: format!("limit_conn all {n};"),
        }
    }

    pub fn rate(rate: &str, burst: usize) -> Self {
        let burst = if burst > 0 { format!(" burst={burst} nodelay") } else { String::new() };
        Self {
            zone: format!("limit_req_zone $server_name zone=all:1m rate={rate};"),
            rule: format!("limit_req zone=all{burst};"),
        }
    }
}

/// Where it is: Debian keeps it where only root looks.
pub(super) fn found() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    places.map(|dir| dir.join("nginx")).find(|file| file.is_file())
}

/// All it writes is in `home`, to which the paths of its settings are relative.
pub(super) fn program(home: &Path, listen: &Addr, back: &Addr, limit: &Limit) -> Program {
    let file = home.join("nginx.conf");
    let (prefix, shown) = (home.display().to_string(), file.display().to_string());
    let arguments = ["-p", &prefix, "-e", "stderr", "-c", &shown];
    let command = found().unwrap_or_else(|| PathBuf::from("nginx"));
    Program::new(command, &arguments)
        .with_file(file, settings(listen, back, limit))
        // It tells no address; when it tells this, it listens.
        .listening(listen.clone(), "event method")
}

/// One process, as there is one core: so it can be ended without leaving a worker behind. What is
/// refused is not logged one by one.
fn settings(listen: &Addr, back: &Addr, limit: &Limit) -> String {
    let temp = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let temp: String = temp.iter().map(|name| format!("    {name}_temp_path {name};\n")).collect();
    let Limit { zone, rule } = limit;
    let backlog = sluicegate_io::BACKLOG;
    format!(
        "daemon off;
master_process off;
pid nginx.pid;
error_log stderr warn;
error_log /dev/stdout notice;
events {{
    use epoll;
    worker_connections 20000;
}}
http {{
    access_log off;
    tcp_nodelay on;
    keepalive_requests 1000000000;
    limit_conn_log_level info;
    limit_req_log_level info;
{temp}    {zone}
    upstream back {{
        server {back};
        keepalive {KEPT};
        keepalive_requests 1000000000;
    }}
    server {{
        listen {listen} backlog={backlog};
        server_name overload;
        location / {{
            {rule}
            proxy_pass http://back;
            proxy_http_version 1.1;
            proxy_set_header Connection \"\";
        }}
    }}
}}
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_counted_for_all_and_hold_where_they_are_to() {
        let addr = |port| Addr::Tcp(([127, 0, 0, 1], port).into());
        let text = |limit| settings(&addr(1), &addr(2), &limit);
        let plain = text(Limit::default());
        assert!(!plain.contains("zone=") && plain.contains("server 127.0.0.1:2;"), "{plain}");
        let conn = text(Limit::connections(8));
        assert!(conn.contains("$server_name zone=all:1m;") && conn.contains("limit_conn all 8;"));
        let rate = text(Limit::rate("450r/s", 6));
        assert!(rate.contains("zone=all:1m rate=450r/s;"), "{rate}");
        assert!(rate.contains("limit_req zone=all burst=6 nodelay;"), "{rate}");
        assert!(text(Limit::rate("1r/m", 0)).contains("limit_req zone=all;"));
    }
}
