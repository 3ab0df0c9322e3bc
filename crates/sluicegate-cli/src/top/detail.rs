//! One stage: its past, its wires, its laws, its settings.

use super::draw::share;
use super::state::Top;
use crate::figures::{number, time};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Line;
use ratatui::widgets::{Paragraph, RenderDirection, Sparkline};
use sluicegate_admin::StageRates;
use sluicegate_admin::model::{Net, Stage};

/// A display that is lower shows the past in a line.
const LOW: u16 = 12;

pub fn draw(top: &Top, name: &str, frame: &mut Frame<'_>, area: Rect) {
    let found = top.now().and_then(|net| Some((net, net.stage(name)?)));
    let rates = top.rates.stages.iter().find(|stage| stage.name == name);
    let (Some((net, stage)), Some(rates)) = (found, rates) else {
        let words = format!("There is no stage `{name}` any more.");
        return frame.render_widget(Paragraph::new(words), area);
    };
    let high = if area.height < LOW { 1 } else { 2 };
    let parts = [Constraint::Length(3), Constraint::Length(high), Constraint::Length(high)];
    let [figures, saturation, served, rest] =
        Layout::vertical(parts.into_iter().chain([Constraint::Min(0)])).areas(area);
    frame.render_widget(Paragraph::new(lines(stage, rates)), figures);
    if let Some(past) = top.past(name) {
        spark("sat%", past.saturation.iter().rev().copied(), Some(100), frame, saturation);
        spark("out/s", past.served.iter().rev().copied(), None, frame, served);
    }
    let mut more: Vec<String> = laws(stage).collect();
    more.extend(wires(top, net, name));
    more.extend(top.settings.iter().map(|setting| {
        let (path, value, unit) = (&setting.path, setting.value, &setting.unit);
        let fixed = if setting.live { "" } else { " (at the next start)" };
        format!("{path} = {value} {unit}{fixed}")
    }));
    frame.render_widget(Paragraph::new(more.into_iter().map(Line::raw).collect::<Vec<_>>()), rest);
}

/// What it is and does now, in three lines.
fn lines(stage: &Stage, rates: &StageRates) -> Vec<Line<'static>> {
    let wait = stage.wait.as_ref().map(|wait| format!("wait p99 {}  ", time(wait.p99_us)));
    let service =
        stage.service.as_ref().map(|service| format!("service p99 {}", time(service.p99_us)));
    let refused: Vec<String> =
        rates.refused_by.iter().map(|(why, rate)| format!("{}/s {why}", number(*rate))).collect();
    let refused = if refused.is_empty() { "none".to_owned() } else { refused.join(", ") };
    let threads = format!("{} of {} threads", stage.on_duty.unwrap_or(0), stage.replicas);
    let busy = share("busy", rates.utilisation);
    let first = format!("{}  {} {}  {threads}  {busy}", stage.name, stage.kind, stage.domain);
    let parked = match stage.parked_on.as_slice() {
        [] => share("parked", rates.parked),
        ports => format!("{} on {}", share("parked", rates.parked), ports.join(", ")),
    };
    let (queued, age) = (stage.queued, time(stage.queue_age_us as f64));
    let second = format!("{queued} of {} wait for up to {age}  {parked}", stage.capacity);
    let times = format!("{}{}", wait.unwrap_or_default(), service.unwrap_or_default());
    let third = format!("{times}  refused: {refused}");
    [first, second, third].map(|line| Line::raw(line.trim().to_owned())).into()
}

fn spark(
    name: &'static str,
    past: impl Iterator<Item = u64>,
    most: Option<u64>,
    frame: &mut Frame<'_>,
    area: Rect,
) {
    let [label, chart] =
        Layout::horizontal([Constraint::Length(6), Constraint::Min(0)]).areas(area);
    let past: Vec<u64> = past.take(chart.width.into()).collect();
    let sparkline = Sparkline::default().data(&past).direction(RenderDirection::RightToLeft);
    let sparkline = most.into_iter().fold(sparkline, Sparkline::max);
    frame.render_widget(Paragraph::new(name), label);
    frame.render_widget(sparkline, chart);
}

/// Its wires, with who is at the other end.
fn wires(top: &Top, net: &Net, name: &str) -> Vec<String> {
    let wires = net.wires.iter().zip(&top.rates.wires);
    let lines = wires.filter_map(|(wire, rates)| {
        let sent = number(rates.sent_s);
        let held = if wire.held > 0 { format!(", {} held", wire.held) } else { String::new() };
        match () {
            () if wire.from == name => {
                Some(format!("{} -> {}  {sent}/s{held}", wire.port, wire.to))
            }
            () if wire.to == name => {
                Some(format!("<- {}.{}  {sent}/s{held}", wire.from, wire.port))
            }
            () => None,
        }
    });
    lines.collect()
}

/// What the laws of its first queue say.
pub fn laws(stage: &Stage) -> impl Iterator<Item = String> + '_ {
    let votes = stage.admission.first().map(|gate| &gate.votes[..]).unwrap_or_default();
    votes.iter().filter(|vote| vote.law != "off").map(|vote| {
        let told = |us: Option<u64>| us.map_or("-".to_owned(), |us| time(us as f64));
        let (target, measured) = (told(vote.target_us), told(vote.measured_us));
        let frozen = if vote.frozen { "  FROZEN" } else { "" };
        format!(
            "{} {}: target {target}  measured {measured}  pressure {:.2}  quality {:.2}{frozen}",
            stage.name, vote.law, vote.pressure, vote.quality
        )
    })
}
