//! Who is admitted where the net shows itself.
use super::complaint::{Complaint, Complaints};
use super::settings::Settings;
use sluicegate_io::Addr;
use std::path::PathBuf;

/// The file with the token; there has to be one where others than this machine come by.
pub(super) fn token_file(settings: &Settings, faults: &mut Complaints) -> Option<PathBuf> {
    let s = &settings.top;
    let file = s.text("admin_token_file");
    let file = file.map(|file| settings.path(&file, settings.place("admin_token_file")));
    let admin: Option<Addr> = s.text("admin").and_then(|text| text.parse().ok());
    let is_open = matches!(admin, Some(Addr::Tcp(addr)) if !addr.ip().is_loopback());
    if let (true, None, Some(place)) = (is_open, &file, settings.place("admin")) {
        let what = "`admin` is reached from elsewhere, by whoever wants to see and change the net; \
                    accepted: `admin_token_file`, with a token such as `openssl rand -hex 32` \
                    makes, or an address such as \"127.0.0.1:9900\" or \"unix:/run/admin.sock\"";
        faults.0.push(Complaint::new(place.clone(), what));
    }
    file
}
