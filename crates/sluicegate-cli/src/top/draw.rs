//! The display as cells of a terminal, of whatever size.

use super::detail;
use super::rows::{Column, passes};
use super::state::{Top, View};
use crate::figures::{number, percent, time};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Row as Cells, Table, TableState, Wrap};
use sluicegate_admin::Kind;
use sluicegate_admin::model::Net;

/// From these shares on a stage is worth a look, and saturated.
const WARM: f64 = 0.6;
const HOT: f64 = 0.85;
/// A display that is lower has one line of words instead of two.
const LOW: u16 = 10;

/// Draws all of it.
pub fn draw(top: &Top, frame: &mut Frame<'_>) {
    let words = if frame.area().height < LOW { 1 } else { 2 };
    let parts = [Constraint::Length(1), Constraint::Length(words), Constraint::Min(1)];
    let [title, cause, middle, foot] =
        Layout::vertical(parts.into_iter().chain([Constraint::Length(1)])).areas(frame.area());
    frame.render_widget(Paragraph::new(head(top)).style(Style::new().reversed()), title);
    frame.render_widget(Paragraph::new(told(top)).wrap(Wrap { trim: true }), cause);
    match (top.opened(), top.view) {
        (Some(stage), _) => detail::draw(top, stage, frame, middle),
        (None, View::Stages) => stages(top, frame, middle),
        (None, View::Wires) => frame.render_widget(Paragraph::new(wires(top)), middle),
        (None, View::Laws) => frame.render_widget(Paragraph::new(laws(top)), middle),
    }
    frame.render_widget(Paragraph::new(keys(top)), foot);
}

fn head(top: &Top) -> String {
    let Some(net) = top.now() else { return format!("sluicegate {}", top.address) };
    let rates = &top.rates;
    let refused: f64 = rates.ended_s.values().sum();
    let in_flight = net.ledger.as_ref().map_or(0, |ledger| ledger.in_flight);
    let up = net.time_ms.map(|ms| format!(" up {}", time(ms as f64 * 1000.0))).unwrap_or_default();
    let held = if top.held { " HELD" } else { "" };
    format!(
        "{}{held}{up}  {}/s in  {}/s out  {}/s lost  {in_flight} in flight  {}",
        net.name,
        number(rates.entered_s),
        number(rates.finished_s),
        number(refused),
        top.address
    )
}

/// What is wrong, in words; first of all that nothing can be seen.
fn told(top: &Top) -> Line<'_> {
    let style = Style::new().add_modifier(Modifier::BOLD);
    if let Some(gone) = &top.gone {
        let words = format!("Gone, and asked again: {gone}");
        return Line::styled(words, style.fg(Color::Red));
    }
    let colour = match top.cause.kind {
        Kind::Healthy => Color::Green,
        Kind::Draining | Kind::Outside => Color::Yellow,
        _ => Color::Red,
    };
    let words = match top.now() {
        Some(_) => top.cause.words.as_str(),
        None => "Waiting for the first answer.",
    };
    let more = format!("{} {}", lasts(top), top.cause.advice);
    Line::from(vec![Span::styled(words, style.fg(colour)), Span::raw(more)])
}

/// For how long something has been wrong.
fn lasts(top: &Top) -> String {
    let now = top.now().map(Net::clock_ms);
    match now.zip(top.cause.since_ms) {
        Some((now, since)) if top.cause.kind != Kind::Healthy => {
            format!(" For {}.", time(now.saturating_sub(since) as f64 * 1000.0))
        }
        _ => String::new(),
    }
}

fn stages(top: &Top, frame: &mut Frame<'_>, area: Rect) {
    let columns = Column::fitting(area.width.into());
    let title = |column: &Column| {
        let (name, width) = column.head();
        let mark = match (*column == top.sort, top.reversed) {
            (false, _) => "",
            (true, false) => "v",
            (true, true) => "^",
        };
        let name = format!("{name}{mark}");
        if *column == Column::Stage { name } else { format!("{name:>width$}") }
    };
    let rows = top.rows();
    let lines = rows.iter().map(|row| {
        let cell = |column: &Column| match column {
            Column::Stage => row.cell(*column).to_owned(),
            column => format!("{:>width$}", row.cell(*column), width = column.head().1),
        };
        Cells::new(columns.iter().map(cell).collect::<Vec<_>>()).style(heat(row.saturation))
    });
    let widths = columns.iter().map(|column| match column {
        Column::Stage => Constraint::Min(column.head().1 as u16),
        column => Constraint::Length(column.head().1 as u16),
    });
    let heads = Cells::new(columns.iter().map(title).collect::<Vec<_>>());
    let table = Table::new(lines, widths)
        .header(heads.style(Style::new().add_modifier(Modifier::BOLD)))
        .row_highlight_style(Style::new().add_modifier(Modifier::REVERSED));
    let mut state = TableState::new().with_selected(Some(top.chosen));
    frame.render_stateful_widget(table, area, &mut state);
}

fn heat(saturation: f64) -> Style {
    match saturation {
        hot if hot >= HOT => Style::new().fg(Color::Red),
        warm if warm >= WARM => Style::new().fg(Color::Yellow),
        _ => Style::new(),
    }
}

fn wires(top: &Top) -> Vec<Line<'static>> {
    let Some(net) = top.now() else { return Vec::new() };
    let mut lines = vec![Line::raw(format!("{:>6} {:>6} {:>9}  WIRE", "EV/s", "HELD", "WINDOW"))];
    let mut wires: Vec<_> = net.wires.iter().zip(&top.rates.wires).collect();
    wires.retain(|(wire, _)| [&wire.from, &wire.to].iter().any(|end| passes(end, &top.filter)));
    wires.sort_by(|one, other| {
        (other.0.held, other.1.sent_s)
            .partial_cmp(&(one.0.held, one.1.sent_s))
            .unwrap_or(std::cmp::Ordering::Equal)
    });
    lines.extend(wires.into_iter().map(|(wire, rates)| {
        let window = match (wire.window, wire.unanswered) {
            (Some(window), Some(out)) => format!("{out}/{window}"),
            (Some(window), None) => window.to_string(),
            (None, _) => String::new(),
        };
        let (sent, held) = (number(rates.sent_s), number(wire.held as f64));
        let (from, port, to) = (&wire.from, &wire.port, &wire.to);
        Line::raw(format!("{sent:>6} {held:>6} {window:>9}  {from}.{port} -> {to}"))
    }));
    lines
}

fn laws(top: &Top) -> Vec<Line<'static>> {
    let Some(net) = top.now() else { return Vec::new() };
    let stages = net.stages.iter().filter(|stage| passes(&stage.name, &top.filter));
    let lines: Vec<_> = stages.flat_map(detail::laws).map(Line::raw).collect();
    match lines.is_empty() {
        true => vec![Line::raw("No stage has a gate with a law.")],
        false => lines,
    }
}

fn keys(top: &Top) -> Line<'static> {
    let dim = Style::new().add_modifier(Modifier::DIM);
    if top.types {
        return Line::raw(format!("/{}_", top.filter));
    }
    let filter = match top.filter.as_str() {
        "" => String::new(),
        filter => format!("/{filter}  "),
    };
    let text = match top.opened() {
        Some(_) => "Esc back  space hold  q quit",
        None => "q quit  s sort  r turn  / filter  space hold  Enter open  Tab laws, wires",
    };
    Line::styled(format!("{filter}{text}"), dim)
}

/// How much of something there was, in a word.
pub fn share(name: &str, share: f64) -> String {
    format!("{name} {} %", percent(share))
}
