//! The Models pane: what is on this machine, and what is under way.

use std::fmt::Write as _;
use std::time::Instant;

use ratatui::layout::Rect;
use ratatui::style::Modifier;
use ratatui::text::{Line, Span};

use crate::app::{App, EngineStatus};
use crate::domain::action::Action;
use crate::domain::fit::{self, Verdict};
use crate::domain::model::{LocalModel, starter};
use crate::domain::units::{bytes, count, seconds};
use crate::text::wrap;
use crate::ui::canvas::{Canvas, padded, paragraph};
use crate::ui::{TABLE_WIDTH, split_bottom, split_top, status};

/// Widths of the columns after the name.
const QUANT: usize = 9;
const SIZE: usize = 9;
const CONTEXT: usize = 9;
const FIT: usize = 10;

pub fn draw(canvas: &mut Canvas<'_>, area: Rect, app: &App, now: Instant) {
    let inner = Rect { x: area.x + 1, width: area.width.saturating_sub(2).min(TABLE_WIDTH), ..area };
    let (_, inner) = split_top(inner, u16::from(area.height > 12));
    let inner = banner(canvas, inner, app, now);
    let models = app.models.models();
    if models.is_empty() {
        nothing(canvas, inner, app);
        return;
    }
    let (list, detail) = if inner.height >= 12 { split_bottom(inner, 7) } else { (inner, Rect { height: 0, ..inner }) };
    table(canvas, list, app);
    if let Some(model) = app.models.chosen() {
        details(canvas, detail, app, model);
    }
}

/// What is under way, at the top; gives what is left.
fn banner(canvas: &mut Canvas<'_>, area: Rect, app: &App, now: Instant) -> Rect {
    let theme = &app.theme;
    let cancel = app.key(Action::CancelJob);
    let line = if let Some(download) = app.models.running() {
        let mut spans = vec![Span::styled(format!("Getting {} ", download.name), theme.base)];
        spans.extend(status::download_gauge(canvas, app, &download.state));
        spans.push(Span::styled(format!("   {cancel} cancels"), theme.muted));
        Line::from(spans)
    } else if let EngineStatus::Loading { name, stage, .. } = &app.engine {
        let time = app.elapsed(now).map(seconds).unwrap_or_default();
        let dot = theme.glyphs.dot;
        Line::from(vec![
            Span::styled(format!("Loading {name} "), theme.base),
            Span::styled(format!("{dot} {} {dot} {time}", stage.label()), theme.muted),
            Span::styled(format!("   {cancel} cancels"), theme.muted),
        ])
    } else if let EngineStatus::Failed { name, error } = &app.engine {
        let width = usize::from(area.width);
        let mut lines = vec![Line::from(Span::styled(format!("{name} did not load"), theme.error))];
        lines.extend(paragraph(&error.message, width, theme.base));
        if let Some(hint) = &error.hint {
            lines.extend(paragraph(hint, width, theme.muted));
        }
        // The list is what helps: half of the screen is its own.
        lines.truncate(usize::from(area.height / 2));
        let (top, rest) = split_top(area, u16::try_from(lines.len()).unwrap_or(0) + 1);
        canvas.lines(top, &lines);
        return rest;
    } else {
        return area;
    };
    let (top, rest) = split_top(area, 2);
    canvas.line(top, &wrap::truncate(&line, usize::from(area.width), theme.glyphs.ellipsis));
    rest
}

fn table(canvas: &mut Canvas<'_>, area: Rect, app: &App) {
    let theme = &app.theme;
    let width = usize::from(area.width);
    let with_context = width >= 60;
    // On a narrow screen the name, which mostly tells it too, needs the room more.
    let quant = if width >= 50 { QUANT } else { 0 };
    let columns = quant + SIZE + FIT + if with_context { CONTEXT } else { 0 };
    let name_width = width.saturating_sub(columns + 4).min(64);
    let (head, rows) = split_top(area, 1);
    let mut title = format!("  {:<name_width$}{:<quant$.quant$}{:>SIZE$}", "model", "quant", "size");
    if with_context {
        let _ = write!(title, "{:>CONTEXT$}", "context");
    }
    title.push_str("  here");
    canvas.line(head, &Line::from(Span::styled(title, theme.muted)));

    let height = usize::from(rows.height);
    let first = app.models.selected.saturating_sub(height.saturating_sub(1));
    for (i, model) in app.models.models().iter().enumerate().skip(first).take(height) {
        let row = Rect { y: rows.y + u16::try_from(i - first).unwrap_or(0), height: 1, ..rows };
        let chosen = i == app.models.selected;
        if chosen {
            canvas.fill(row, theme.selection);
        }
        canvas.line(row, &model_row(app, model, chosen, [name_width, quant], with_context));
    }
}

fn model_row(
    app: &App,
    model: &LocalModel,
    chosen: bool,
    [name_width, quant_width]: [usize; 2],
    with_context: bool,
) -> Line<'static> {
    let theme = &app.theme;
    let glyphs = theme.glyphs;
    let on = |style| if chosen { theme.selection } else { style };
    let loaded = app.model().is_some_and(|info| info.reference == model.reference);
    let mark = match (loaded, chosen) {
        (true, _) => Span::styled(format!("{} ", glyphs.assistant), if chosen { theme.selection } else { theme.good }),
        (false, true) => Span::styled(format!("{} ", glyphs.pointer), theme.selection),
        _ => Span::raw("  "),
    };
    let name_style = if model.facts.is_ok() { theme.base } else { theme.muted };
    let name_style = if loaded { name_style.add_modifier(Modifier::BOLD) } else { name_style };
    let name = padded(&model.name, name_width.saturating_sub(1), glyphs.ellipsis);
    let mut spans = vec![mark, Span::styled(format!("{name} "), on(name_style))];
    let quant = model.facts.as_ref().map_or("", |f| f.quant.as_str());
    spans.push(Span::styled(padded(quant, quant_width, glyphs.ellipsis), on(theme.muted)));
    spans.push(Span::styled(format!("{:>SIZE$}", bytes(model.bytes)), on(theme.base)));
    if with_context {
        let context = model.facts.as_ref().map(|f| f.context.to_string()).unwrap_or_default();
        spans.push(Span::styled(format!("{context:>CONTEXT$}"), on(theme.muted)));
    }
    spans.push(Span::raw("  "));
    let (word, style) = match verdict(app, model) {
        _ if model.facts.is_err() => ("can't load", theme.error),
        _ if loaded => ("loaded", theme.good),
        Some(Verdict::Fits) => (Verdict::Fits.label(), theme.good),
        Some(Verdict::Tight) => (Verdict::Tight.label(), theme.warning),
        Some(Verdict::TooLarge) => (Verdict::TooLarge.label(), theme.error),
        None => ("", theme.muted),
    };
    spans.push(Span::styled(word, on(style)));
    Line::from(spans)
}

fn verdict(app: &App, model: &LocalModel) -> Option<Verdict> {
    let facts = model.facts.as_ref().ok()?;
    Some(fit::judge(facts, model.settings(app.settings.engine.load), &app.machine?).verdict)
}

fn details(canvas: &mut Canvas<'_>, area: Rect, app: &App, model: &LocalModel) {
    let theme = &app.theme;
    let width = usize::from(area.width);
    let dot = theme.glyphs.dot;
    let mut lines = vec![Line::from(Span::styled(theme.glyphs.rule.repeat(width), theme.border))];
    lines.push(Line::from(vec![
        Span::styled(model.reference.clone(), theme.accent),
        Span::styled(format!("  {} {}", model.format.label(), model.origin), theme.muted),
    ]));
    match &model.facts {
        Ok(facts) => {
            lines.push(Line::from(Span::styled(
                format!(
                    "{} {dot} {} parameters {dot} {} layers {dot} trained for {} tokens{}{}",
                    facts.architecture,
                    count(facts.parameters),
                    facts.layers,
                    facts.context,
                    if facts.can_think { format!(" {dot} can think") } else { String::new() },
                    model
                        .quantised_as(app.settings.engine.load)
                        .map_or_else(String::new, |quant| format!(" {dot} loaded as {quant}")),
                ),
                theme.base,
            )));
            if let Some(caution) = facts.caution(app.settings.engine.load.device) {
                lines.extend(paragraph(caution, width, theme.warning));
            }
            if let Some(machine) = &app.machine {
                let load = model.settings(app.settings.engine.load);
                let fit = fit::judge(facts, load, machine);
                let largest = match fit.largest_context {
                    0 => "not even its weights fit".to_owned(),
                    n => format!("the longest that fits is {n}"),
                };
                let speed = fit::expected_decode(facts, load, machine);
                let speed = speed.map_or(String::new(), |speed| format!(" {dot} about {speed:.0} tok/s"));
                let needed = format!(
                    "{}: needs about {} of {} at a context of {} {dot} {largest}{speed}",
                    fit.verdict.label(),
                    bytes(fit.needed),
                    bytes(fit.budget),
                    fit.context,
                );
                lines.extend(paragraph(&needed, width, theme.muted));
            }
        }
        Err(error) => {
            lines.extend(paragraph(&error.message, width, theme.error));
            if let Some(hint) = &error.hint {
                lines.extend(paragraph(hint, width, theme.muted));
            }
        }
    }
    lines.truncate(usize::from(area.height.saturating_sub(1)));
    let lines: Vec<_> = lines.into_iter().map(|l| wrap::truncate(&l, width, theme.glyphs.ellipsis)).collect();
    canvas.lines(area, &lines);
    let (_, foot) = split_bottom(area, 1);
    canvas.line(
        foot,
        &keys(
            app,
            &[
                (Action::Load, "load"),
                (Action::Unload, "unload"),
                (Action::Refresh, "look again"),
                (Action::GetStarter, "get the starter"),
            ],
        ),
    );
}

fn nothing(canvas: &mut Canvas<'_>, area: Rect, app: &App) {
    let theme = &app.theme;
    let width = usize::from(area.width);
    let mut lines = Vec::new();
    if app.models.local.is_none() {
        lines.push(Line::from(Span::styled("Looking for models on this machine", theme.muted)));
    } else {
        lines.push(Line::from(Span::styled("No model on this machine yet", theme.heading)));
        lines.push(Line::default());
        lines.push(Line::from(vec![
            Span::styled(format!("{:<8}", app.key(Action::GetStarter)), theme.accent),
            Span::styled(format!("gets the starter: SmolLM2 135M, {}", bytes(starter::BYTES)), theme.base),
        ]));
        lines.push(Line::from(vec![
            Span::styled(format!("{:<8}", app.key(Action::Refresh)), theme.accent),
            Span::styled("looks again", theme.base),
        ]));
        lines.push(Line::default());
        lines.push(Line::from(Span::styled("Models are looked for in", theme.muted)));
        let cache = app.paths.hub_cache.display().to_string();
        for place in std::iter::once(cache).chain(app.settings.models.folders.iter().map(|f| f.display().to_string())) {
            lines.push(Line::from(Span::styled(format!("  {place}"), theme.base)));
        }
        lines.push(Line::from(Span::styled("and in the folders of `models.folders` in Settings.", theme.muted)));
    }
    for problem in &app.models.problems {
        lines.extend(paragraph(&problem.message, width, theme.warning));
    }
    canvas.lines(area, &lines);
}

/// A row of keys with what they do.
pub fn keys(app: &App, actions: &[(Action, &str)]) -> Line<'static> {
    let mut spans = Vec::new();
    for (action, what) in actions {
        spans.push(Span::styled(app.key(*action), app.theme.accent));
        spans.push(Span::styled(format!(" {what}   "), app.theme.muted));
    }
    Line::from(spans)
}
