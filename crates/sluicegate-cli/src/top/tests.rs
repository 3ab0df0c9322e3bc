//! The display, drawn into memory: at two sizes, by keys, and while the service is gone.

use super::draw::draw;
use super::plain;
use super::poll::Seen;
use super::rows::Column;
use super::state::{Flow, Top, View};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use sluicegate_admin::model::{Net, Setting};

/// A net in which `work` is too slow and holds up `parse`.
fn net(second: u64) -> Net {
    let text = include_str!("shots/net.json");
    let mut net = Net::from_json(text).expect("a net");
    net.time_ms = Some(60_000 + second * 1000);
    for stage in &mut net.stages {
        stage.served *= second;
        stage.busy_us = stage.busy_us.map(|busy| busy * second);
        stage.parked_us = stage.parked_us.map(|parked| parked * second);
        stage.arrivals = stage.arrivals.map(|arrivals| arrivals * second);
        for count in stage.refused.values_mut() {
            *count *= second;
        }
    }
    net.wires.iter_mut().for_each(|wire| wire.sent *= second);
    if let Some(ledger) = &mut net.ledger {
        ledger.entered *= second;
        ledger.ended.values_mut().for_each(|count| *count *= second);
    }
    net
}

fn seen(net: Result<Net, String>) -> Seen {
    let setting = Setting {
        path: "stages.work.batch".to_owned(),
        unit: "events".to_owned(),
        value: 64.0,
        live: true,
        ..Setting::default()
    };
    Seen { net, settings: vec![setting] }
}

fn top() -> Top {
    let mut top = Top::new("127.0.0.1:9900");
    (1..=3).for_each(|second| top.see(seen(Ok(net(second)))));
    top
}

fn shot(top: &Top, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("memory");
    terminal.draw(|frame| draw(top, frame)).expect("memory");
    terminal.backend().to_string()
}

fn press(top: &mut Top, keys: &str) -> Flow {
    let keys = keys.chars().map(|key| match key {
        '\n' => KeyCode::Enter,
        '\t' => KeyCode::Tab,
        '\x1b' => KeyCode::Esc,
        key => KeyCode::Char(key),
    });
    keys.map(|code| top.key(KeyEvent::new(code, KeyModifiers::NONE))).last().expect("a key")
}

#[track_caller]
fn assert_shot(shot: &str, expected: &str) {
    assert_eq!(shot.trim_end(), expected.trim_end(), "\n{shot}");
}

#[test]
fn the_display_fits_into_80_by_24() {
    assert_shot(&shot(&top(), 80, 24), include_str!("shots/wide.txt"));
}

#[test]
fn the_display_fits_into_40_by_10() {
    assert_shot(&shot(&top(), 40, 10), include_str!("shots/narrow.txt"));
}

#[test]
fn a_stage_is_opened_and_closed() {
    let mut top = top();
    press(&mut top, "\n");
    assert_eq!(top.opened(), Some("work"));
    top.see(seen(Ok(net(4))));
    assert_shot(&shot(&top, 80, 24), include_str!("shots/stage.txt"));
    press(&mut top, "\x1b");
    assert_eq!(top.opened(), None);
}

#[test]
fn a_display_of_any_size_is_drawn() {
    let mut top = top();
    for keys in ["\t", "\t", "\t", "\n"] {
        press(&mut top, keys);
        for (width, height) in [(1, 1), (10, 3), (20, 5), (200, 60)] {
            shot(&top, width, height);
        }
    }
    shot(&Top::new("unix:/a"), 80, 24);
}

#[test]
fn keys_sort_filter_hold_and_end() {
    let names = |top: &Top| top.rows().into_iter().map(|row| row.name).collect::<Vec<_>>();
    let mut top = top();
    assert_eq!(names(&top), ["work", "parse", "write"]);
    press(&mut top, "r");
    assert_eq!(names(&top), ["write", "parse", "work"]);
    top.sort = Column::State;
    press(&mut top, "sr");
    assert_eq!(
        (top.sort, names(&top)),
        (Column::Stage, ["parse", "work", "write"].map(String::from).to_vec())
    );
    press(&mut top, "/Wr");
    assert_eq!(names(&top), ["write"]);
    assert!(shot(&top, 80, 24).contains("/Wr_"), "what is typed is shown");
    press(&mut top, "q");
    assert_eq!(top.filter, "Wrq", "it belongs to the filter");
    press(&mut top, "\x1b");
    assert_eq!(names(&top).len(), 3);
    press(&mut top, "j");
    assert_eq!(top.chosen, 1);
    press(&mut top, " ");
    let before = shot(&top, 80, 24);
    top.see(seen(Ok(net(9))));
    assert!(before.contains("HELD") && shot(&top, 80, 24) == before, "it stands still");
    press(&mut top, "\t");
    assert_eq!(top.view, View::Laws);
    assert!(shot(&top, 80, 24).contains("work overload: target 50ms"));
    press(&mut top, "\t");
    assert!(shot(&top, 80, 24).contains("parse.out -> work"));
    press(&mut top, "/Write\n");
    let wires = shot(&top, 80, 24);
    assert!(wires.contains("work.done -> write") && !wires.contains("parse.out"), "{wires}");
    press(&mut top, "\x1b\t\t/Work\n");
    assert!(shot(&top, 80, 24).contains("work overload: target 50ms"));
    assert_eq!(press(&mut top, "q"), Flow::End);
}

#[test]
fn a_service_that_is_gone_comes_back() {
    let mut top = top();
    top.see(seen(Err("connection refused".to_owned())));
    let gone = shot(&top, 80, 24);
    assert!(gone.contains("Gone, and asked again: connection refused"), "{gone}");
    assert!(gone.contains("work"), "what was seen last stays");
    // Its counts begin anew.
    let mut again = net(1);
    again.time_ms = Some(1000);
    top.see(seen(Ok(again)));
    let back = shot(&top, 80, 24);
    assert!(!back.contains("Gone") && back.contains("1.0s"), "{back}");
}

#[test]
fn a_plain_table_has_all_columns() {
    let expected = include_str!("shots/plain.txt");
    assert_shot(&plain::table(&net(1), &net(2)), expected);
}
