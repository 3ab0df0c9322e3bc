//! What sites lack and can do without: each sentence once, with the hosts for which it is true.
use crate::config::Config;
use crate::files::SiteId;

/// Hosts that a sentence names; of more it says how many.
const NAMED_MAX: usize = 3;

/// Sentences, in the order in which they were said first.
#[derive(Debug, Default)]
pub struct Notes(Vec<(String, Vec<SiteId>)>);

impl Notes {
    /// Notes what is true for a site.
    pub fn add(&mut self, site: SiteId, sentence: String) {
        match self.0.iter_mut().find(|(said, _)| *said == sentence) {
            Some((_, sites)) => sites.push(site),
            None => self.0.push((sentence, vec![site])),
        }
    }

    /// All of them; with hosts where it is not the same for all of this configuration.
    pub fn tell(self, config: &Config) -> Vec<String> {
        let every = config.sites().count();
        let tell = |(sentence, sites): (String, Vec<SiteId>)| match sites.len() == every {
            true => sentence,
            false => format!("{sentence} ({})", hosts(&sites, config)),
        };
        self.0.into_iter().map(tell).collect()
    }
}

fn hosts(sites: &[SiteId], config: &Config) -> String {
    let name = |id: &SiteId| match config.sites().nth(id.number()).map(|site| site.names.join(", "))
    {
        Some(names) if !names.is_empty() => names,
        _ => "all other hosts".to_owned(),
    };
    let mut named: Vec<_> = sites.iter().take(NAMED_MAX).map(name).collect();
    if sites.len() > NAMED_MAX {
        named.push(format!("and {} more", sites.len() - NAMED_MAX));
    }
    named.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Machine, Settings};

    #[test]
    fn what_is_true_for_several_hosts_is_told_once() {
        let host = |n: usize| format!("[[host]]\nname = \"h{n}.test\"\nroot = \"/\"\n");
        let text = format!("root = \"/\"\n{}", (1..5).map(host).collect::<String>());
        let typed = Settings::from_toml("site.toml", &text).expect("known settings");
        let machine = Machine { cpus: 1, memory: 1 << 30, files: 4096 };
        let config = Config::new(&typed, machine).expect("a complete configuration");
        let mut notes = Notes::default();
        for site in 0..5 {
            notes.add(SiteId(site), "of all".to_owned());
            if site != 1 {
                notes.add(SiteId(site), "of four".to_owned());
            }
        }
        notes.add(SiteId(2), "of one".to_owned());
        let expected = [
            "of all",
            "of four (all other hosts; h2.test; h3.test; and 1 more)",
            "of one (h2.test)",
        ];
        assert_eq!(notes.tell(&config), expected);
    }
}
