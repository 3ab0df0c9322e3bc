//! What is shown, and what keys do to it: without a terminal.

use super::poll::Seen;
use super::rows::{Column, Row, rows};
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use sluicegate_admin::model::{Net, Setting};
use sluicegate_admin::{Diagnoses, Diagnosis, Rates, rates};
use std::collections::{HashMap, VecDeque};

/// Looks that are remembered of each stage.
const HISTORY: usize = 240;
/// The longest filter.
const FILTER_MAX: usize = 64;

/// Whether it goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    On,
    End,
}

/// What the middle of the display shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    Stages,
    Wires,
    Laws,
}

/// What a stage was like, the latest last.
#[derive(Default)]
pub struct Past {
    /// In percent.
    pub saturation: VecDeque<u64>,
    pub served: VecDeque<u64>,
}

/// The display.
pub struct Top {
    pub address: String,
    /// With the look that is shown.
    looks: Diagnoses,
    pub rates: Rates,
    pub cause: Diagnosis,
    /// Why the last look failed, if it did.
    pub gone: Option<String>,
    past: HashMap<String, Past>,
    pub settings: Vec<Setting>,
    pub view: View,
    pub sort: Column,
    pub reversed: bool,
    pub filter: String,
    /// Whether keys go to the filter.
    pub types: bool,
    pub held: bool,
    /// The line that is chosen.
    pub chosen: usize,
    opened: Option<String>,
}

impl Top {
    /// Nothing was seen yet.
    pub fn new(address: &str) -> Self {
        Self {
            address: address.to_owned(),
            looks: Diagnoses::default(),
            rates: Rates::default(),
            cause: Diagnosis::default(),
            gone: None,
            past: HashMap::new(),
            settings: Vec::new(),
            view: View::Stages,
            sort: Column::Saturation,
            reversed: false,
            filter: String::new(),
            types: false,
            held: false,
            chosen: 0,
            opened: None,
        }
    }

    /// Takes in what was answered. While the display is held, only what is wrong is.
    pub fn see(&mut self, seen: Seen) {
        let net = match seen.net {
            Ok(net) => net,
            Err(why) => return self.gone = Some(why),
        };
        self.gone = None;
        if self.held {
            return;
        }
        self.settings = seen.settings;
        // Of the first look alone all is told since the start.
        let none = Net::default();
        self.rates = rates(self.looks.last().unwrap_or(&none), &net).or_of_flows(&self.rates);
        for stage in &self.rates.stages {
            let past = self.past.entry(stage.name.clone()).or_default();
            push(&mut past.saturation, (stage.saturation * 100.0) as u64);
            push(&mut past.served, stage.served_s as u64);
        }
        self.past.retain(|name, _| net.stage(name).is_some());
        self.cause = self.looks.look(net).clone();
        self.chosen = self.chosen.min(self.rows().len().saturating_sub(1));
    }

    /// The look that is shown.
    pub fn now(&self) -> Option<&Net> {
        self.looks.last()
    }

    /// The stages that the filter lets through, in order.
    pub fn rows(&self) -> Vec<Row> {
        let Some(net) = self.now() else { return Vec::new() };
        rows(net, &self.rates, &self.filter, self.sort, self.reversed)
    }

    /// The stage that is looked at alone.
    pub fn opened(&self) -> Option<&str> {
        self.opened.as_deref()
    }

    /// What a stage was like.
    pub fn past(&self, stage: &str) -> Option<&Past> {
        self.past.get(stage)
    }

    /// Does what a key asks for.
    pub fn key(&mut self, key: KeyEvent) -> Flow {
        if key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL) {
            return Flow::End;
        }
        match self.types {
            true => self.type_filter(key.code),
            false => return self.command(key.code),
        }
        Flow::On
    }

    fn type_filter(&mut self, code: KeyCode) {
        match code {
            KeyCode::Enter => self.types = false,
            KeyCode::Esc => {
                self.types = false;
                self.filter.clear();
            }
            KeyCode::Backspace => drop(self.filter.pop()),
            KeyCode::Char(c) if self.filter.len() < FILTER_MAX => self.filter.push(c),
            _ => {}
        }
        self.chosen = 0;
    }

    fn command(&mut self, code: KeyCode) -> Flow {
        let last = self.rows().len().saturating_sub(1);
        match code {
            KeyCode::Char('q') => return Flow::End,
            KeyCode::Esc | KeyCode::Backspace => match self.opened.take() {
                Some(_) => self.settings.clear(),
                None => self.filter.clear(),
            },
            KeyCode::Char(' ') => self.held = !self.held,
            KeyCode::Char('/') => self.types = true,
            KeyCode::Char('s') => self.sort = self.sort.next(),
            KeyCode::Char('r') => self.reversed = !self.reversed,
            KeyCode::Tab => {
                self.view = match self.view {
                    View::Stages => View::Laws,
                    View::Laws => View::Wires,
                    View::Wires => View::Stages,
                }
            }
            KeyCode::Down | KeyCode::Char('j') => self.chosen = (self.chosen + 1).min(last),
            KeyCode::Up | KeyCode::Char('k') => self.chosen = self.chosen.saturating_sub(1),
            KeyCode::Home => self.chosen = 0,
            KeyCode::End => self.chosen = last,
            KeyCode::Enter if self.view == View::Stages => {
                self.opened = self.rows().get(self.chosen).map(|row| row.name.clone());
            }
            _ => {}
        }
        Flow::On
    }
}

fn push(past: &mut VecDeque<u64>, value: u64) {
    if past.len() == HISTORY {
        past.pop_front();
    }
    past.push_back(value);
}
