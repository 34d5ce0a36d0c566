//! The Settings pane: every setting with its value, where that comes from, and when a change acts.

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::app::App;
use crate::app::settings::in_words;
use crate::config::{Applies, Origin, SPECS, Spec, Value};
use crate::domain::action::Action;
use crate::domain::fit::{self, Verdict};
use crate::domain::units::{bytes, grouped};
use crate::text::wrap;
use crate::ui::canvas::{Canvas, padded, paragraph};
use crate::ui::models::keys;
use crate::ui::{TABLE_WIDTH, split_bottom, split_top};

/// Widths of the columns. The value takes what is left.
const TITLE: usize = 20;
const ORIGIN: usize = 15;
const APPLIES: usize = 15;

pub fn draw(canvas: &mut Canvas<'_>, area: Rect, app: &App) {
    let inner = Rect { x: area.x + 1, width: area.width.saturating_sub(2).min(TABLE_WIDTH), ..area };
    let (_, inner) = split_top(inner, u16::from(area.height > 16));
    let cost = cost(app);
    let height = if cost.is_some() { 7 } else { 6 };
    let (list, detail) =
        if inner.height >= 12 { split_bottom(inner, height) } else { (inner, Rect { height: 0, ..inner }) };
    rows(canvas, list, app);
    details(canvas, detail, app, cost);
}

enum Row {
    Gap,
    Section(&'static str),
    Setting(usize),
}

fn rows(canvas: &mut Canvas<'_>, area: Rect, app: &App) {
    let theme = &app.theme;
    let mut all = Vec::new();
    let mut section = "";
    for (i, spec) in SPECS.iter().enumerate() {
        if spec.section != section {
            if i > 0 {
                all.push(Row::Gap);
            }
            all.push(Row::Section(spec.section));
            section = spec.section;
        }
        all.push(Row::Setting(i));
    }
    let height = usize::from(area.height);
    let chosen = all.iter().position(|r| matches!(r, Row::Setting(i) if *i == app.settings_pane.selected)).unwrap_or(0);
    // The chosen row comes into sight with its neighbours where there is room.
    let scroll = &app.settings_pane.scroll;
    if !scroll.shows(chosen, height) {
        scroll.show((chosen + 2).min(all.len() - 1), all.len(), height);
        scroll.show(chosen.saturating_sub(2), all.len(), height);
    }
    let first = scroll.show(chosen, all.len(), height);
    for (y, row) in (area.top()..area.bottom()).zip(all.iter().skip(first)) {
        let at = Rect { y, height: 1, ..area };
        match row {
            Row::Gap => {}
            Row::Section(name) => {
                canvas.line(at, &Line::from(Span::styled(*name, theme.heading)));
            }
            Row::Setting(i) => {
                canvas.items.push((at, *i));
                let chosen = *i == app.settings_pane.selected;
                if chosen {
                    canvas.fill(at, theme.selection);
                }
                setting(canvas, at, app, &SPECS[*i], chosen);
            }
        }
    }
}

fn setting(canvas: &mut Canvas<'_>, area: Rect, app: &App, spec: &Spec, chosen: bool) {
    let theme = &app.theme;
    let on = |style| if chosen { theme.selection } else { style };
    let width = usize::from(area.width);
    let with_origin = width >= 60;
    let beside = if with_origin { ORIGIN + APPLIES + 2 } else { 1 };
    let value_width = width.saturating_sub(2 + TITLE + beside);
    let value = (spec.get)(&app.settings);
    let changed = value != spec.default();
    let thinking = app.thinking().unwrap_or_default();
    let shown = match in_words(spec, &app.settings, app.model().map(|model| &model.facts), thinking) {
        empty if empty.is_empty() => "none".to_owned(),
        text => text.replace('\n', " "),
    };
    let here = app.differences_here().into_iter().find(|(own, _)| *own == spec);
    let shown = match &here {
        Some((_, value)) => format!("{shown}, here {}", spec.show(value).replace('\n', " ")),
        None => shown,
    };
    let style = if !changed && matches!(value, Value::Unset | Value::Text(_) | Value::List(_)) {
        theme.muted
    } else if changed {
        theme.accent
    } else {
        theme.base
    };
    let mark = if chosen { theme.glyphs.pointer } else { " " };
    let applies = if app.needs_reload(spec) { "reload to apply" } else { applies(spec) };
    let applies_style = if app.needs_reload(spec) { theme.warning } else { theme.muted };
    let mut line = Line::from(vec![
        Span::styled(format!("{mark} "), on(theme.base)),
        Span::styled(padded(spec.title, TITLE, theme.glyphs.ellipsis), on(theme.base)),
        Span::styled(format!("{} ", padded(&shown, value_width, theme.glyphs.ellipsis)), on(style)),
    ]);
    if with_origin {
        line.push_span(Span::styled(
            format!("{} ", padded(&origin(app, spec), ORIGIN, theme.glyphs.ellipsis)),
            on(theme.muted),
        ));
        line.push_span(Span::styled(applies, on(applies_style)));
    }
    canvas.line(area, &wrap::truncate(&line, width, theme.glyphs.ellipsis));
}

fn origin(app: &App, spec: &Spec) -> String {
    match app.origins.get(spec.key) {
        // The whole words are too long for a column.
        Origin::File { line } => format!("config, line {line}"),
        other => other.to_string(),
    }
}

fn applies(spec: &Spec) -> &'static str {
    match spec.applies {
        Applies::AtOnce => "at once",
        Applies::NextMessage => "next message",
        Applies::Reload => "next load",
        Applies::Restart => "next start",
    }
}

/// What a setting comes to in memory, with the model that is loaded or else the one that is chosen.
fn cost(app: &App) -> Option<(String, Verdict)> {
    if !matches!(app.settings_pane.chosen().key, "engine.context" | "engine.kv_cache") {
        return None;
    }
    let chosen = || app.models.chosen().and_then(|model| Some((&model.name, model.facts.as_ref().ok()?)));
    let (name, facts) = app.model().map(|info| (&info.name, &info.facts)).or_else(chosen)?;
    let fit = fit::judge(facts, app.settings.engine.load, app.machine.as_ref()?);
    let up_to = match fit.largest_context {
        0 => String::new(),
        tokens => format!("; up to {} fit", grouped(tokens)),
    };
    let (context, needed, budget) = (grouped(fit.context), bytes(fit.needed), bytes(fit.budget));
    Some((format!("{name}: about {needed} of {budget} at {context} tokens{up_to}"), fit.verdict))
}

fn details(canvas: &mut Canvas<'_>, area: Rect, app: &App, cost: Option<(String, Verdict)>) {
    if area.height == 0 {
        return;
    }
    let theme = &app.theme;
    let width = usize::from(area.width);
    let spec = app.settings_pane.chosen();
    let default = match spec.default() {
        Value::Text(text) if text.is_empty() => "empty".to_owned(),
        other => spec.show(&other),
    };
    let mut lines = vec![Line::from(Span::styled(theme.glyphs.rule.repeat(width), theme.border))];
    lines.extend(paragraph(spec.help, width, theme.base));
    if let Some((cost, verdict)) = cost {
        let style = match verdict {
            Verdict::Fits => theme.good,
            Verdict::Tight => theme.warning,
            Verdict::TooLarge => theme.error,
        };
        lines.push(wrap::truncate(&Line::from(Span::styled(cost, style)), width, theme.glyphs.ellipsis));
    }
    let dot = theme.glyphs.dot;
    let facts =
        format!("{} {dot} {} {dot} default: {default} {dot} {}", spec.key, spec.allowed(), spec.applies.label());
    lines.extend(paragraph(&facts, width, theme.muted));
    lines.truncate(usize::from(area.height.saturating_sub(1)));
    canvas.lines(area, &lines);
    let (_, foot) = split_bottom(area, 1);
    let mut actions = vec![
        (Action::Decrease, "less"),
        (Action::Increase, "more"),
        (Action::EditValue, "type"),
        (Action::ResetValue, "default"),
    ];
    if app.needs_reload(spec) {
        actions.push((Action::Reload, "reload the model"));
    }
    canvas.line(foot, &keys(app, foot.width, &actions));
}
