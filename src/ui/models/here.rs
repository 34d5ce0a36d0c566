//! What is on this machine.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use ratatui::layout::Rect;
use ratatui::style::Modifier;
use ratatui::text::{Line, Span};

use super::{Parts, error_lines, keys, parts, pointer, rows, verdict_word};
use crate::app::models::here::{Job, Row, Work};
use crate::app::{App, EngineStatus};
use crate::domain::action::Action;
use crate::domain::fit::{self, Verdict};
use crate::domain::hub::Unfinished;
use crate::domain::model::{LocalModel, starter};
use crate::domain::units::{age, ago, bytes, count, grouped, percent, share};
use crate::text::wrap;
use crate::ui::canvas::{Canvas, padded, paragraph, step};
use crate::ui::split_top;

/// Widths of the columns after the name.
const QUANT: usize = 9;
const SIZE: usize = 9;
const CONTEXT: usize = 10;
const USED: usize = 8;
const FIT: usize = 12;

pub(super) fn draw(canvas: &mut Canvas<'_>, area: Rect, app: &mut App, now: Instant) {
    let len = app.models.here.len(&app.models.downloads);
    if len == 0 {
        nothing(canvas, area, app);
        return;
    }
    let Parts { list, detail, foot } = parts(canvas, area, &app.theme, 7);
    let columns = Columns::of(list.width);
    let (head, list) = split_top(list, 1);
    canvas.line(head, &Line::from(Span::styled(columns.titles(), app.theme.muted)));
    rows(
        canvas,
        list,
        (&app.models.here.scroll, app.models.here.selected, len),
        app.theme.selection,
        |canvas, at, row, chosen| {
            canvas.items.push((at, row));
            let line = match app.models.here.row(row, &app.models.downloads) {
                Some(Row::Model(model)) => model_row(app, model, chosen, &columns),
                Some(Row::Unfinished(unfinished)) => unfinished_row(app, unfinished, chosen, &columns),
                None => return,
            };
            canvas.line(at, &wrap::truncate(&line, usize::from(at.width), app.theme.glyphs.ellipsis));
        },
    );
    let width = usize::from(detail.width);
    let (mut lines, actions) = match app.models.here.chosen(&app.models.downloads) {
        Some(Row::Model(model)) => (details(app, model, width, now), model_actions(app, model)),
        Some(Row::Unfinished(unfinished)) => (
            unfinished_details(app, unfinished, width),
            vec![(Action::Open, "go on"), (Action::DeleteModel, "discard"), (Action::ShowPage, "page")],
        ),
        None => (Vec::new(), Vec::new()),
    };
    lines.truncate(usize::from(detail.height));
    let lines: Vec<_> = lines.into_iter().map(|l| wrap::truncate(&l, width, app.theme.glyphs.ellipsis)).collect();
    canvas.lines(detail, &lines);
    canvas.line(foot, &keys(app, foot.width, &actions));
}

/// What can be done with a model as it is now.
fn model_actions(app: &App, model: &LocalModel) -> Vec<(Action, &'static str)> {
    let from_hub = model.cached.is_some();
    [
        (model.facts.is_ok() && held(app, model) != Some(Held::Ready), Action::Open, "load"),
        (!matches!(app.engine, EngineStatus::Empty), Action::Unload, "unload"),
        (true, Action::Verify, "verify"),
        (from_hub, Action::LookForNewer, "newer?"),
        (!app.is_in_use(model), Action::DeleteModel, "delete"),
        (from_hub, Action::ShowPage, "page"),
        (true, Action::Import, "import"),
        (true, Action::GetStarter, "starter"),
        (true, Action::Refresh, "look again"),
    ]
    .into_iter()
    .filter(|(can_be, ..)| *can_be)
    .map(|(_, action, what)| (action, what))
    .collect()
}

/// What the engine has of a model.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Held {
    Ready,
    Asleep,
}

fn held(app: &App, model: &LocalModel) -> Option<Held> {
    match &app.engine {
        EngineStatus::Ready(info) if info.reference == model.reference => Some(Held::Ready),
        EngineStatus::Asleep(info) if info.reference == model.reference => Some(Held::Asleep),
        _ => None,
    }
}

/// How long ago a model was used. The file system does not note every reading, and none of what stays in memory.
fn unused(app: &App, model: &LocalModel) -> Option<Duration> {
    let noted = model.cached.as_ref()?.unused;
    if held(app, model) == Some(Held::Ready) { Some(Duration::ZERO) } else { noted }
}

/// Which columns there is room for, and how wide the name is.
struct Columns {
    name: usize,
    /// On a narrow screen the name, which mostly tells it too, needs the room more.
    quant: usize,
    context: usize,
    used: usize,
}

impl Columns {
    fn of(width: u16) -> Self {
        let width = usize::from(width);
        let wanted = |from, columns| if width >= from { columns } else { 0 };
        let (quant, context, used) = (wanted(50, QUANT), wanted(60, CONTEXT), wanted(76, USED));
        let name = width.saturating_sub(2 + quant + SIZE + context + used + FIT).min(56);
        Self { name, quant, context, used }
    }

    fn titles(&self) -> String {
        let Self { name, quant, context, used } = *self;
        let mut titles = format!("  {:<name$}{:<quant$.quant$}{:>SIZE$}", "model", "quant", "size");
        let _ = write!(titles, "{:>context$.context$}", "context");
        let _ = write!(titles, "{:>used$.used$}", "used");
        titles + "  here"
    }
}

fn model_row(app: &App, model: &LocalModel, chosen: bool, columns: &Columns) -> Line<'static> {
    let theme = &app.theme;
    let glyphs = theme.glyphs;
    let on = |style| if chosen { theme.selection } else { style };
    let held = held(app, model);
    let mark = match held {
        Some(Held::Ready) => Span::styled(format!("{} ", glyphs.assistant), on(theme.good)),
        Some(Held::Asleep) => Span::styled(format!("{} ", glyphs.assistant), on(theme.muted)),
        None => pointer(app, chosen),
    };
    let name_style = if model.facts.is_ok() { theme.base } else { theme.muted };
    let name_style = if held.is_some() { name_style.add_modifier(Modifier::BOLD) } else { name_style };
    let name = padded(&model.name, columns.name.saturating_sub(1), glyphs.ellipsis);
    let mut spans = vec![mark, Span::styled(format!("{name} "), on(name_style))];
    spans.push(Span::styled(padded(&model.quant(), columns.quant, glyphs.ellipsis), on(theme.muted)));
    spans.push(Span::styled(format!("{:>SIZE$}", bytes(model.bytes)), on(theme.base)));
    if columns.context > 0 {
        let context = model.facts.as_ref().map(|f| grouped(f.context)).unwrap_or_default();
        spans.push(Span::styled(format!("{context:>CONTEXT$}"), on(theme.muted)));
    }
    if columns.used > 0 {
        let used = unused(app, model).map(age).unwrap_or_default();
        spans.push(Span::styled(format!("{used:>USED$}"), on(theme.muted)));
    }
    spans.push(Span::raw("  "));
    let (word, style) = match verdict(app, model) {
        _ if app.models.here.work_on(&model.reference).is_some() => {
            (job_word(app.models.here.work_on(&model.reference)), theme.accent)
        }
        _ if model.facts.is_err() => ("can't load", theme.error),
        _ if held == Some(Held::Ready) => ("loaded", theme.good),
        _ if held == Some(Held::Asleep) => ("asleep", theme.muted),
        _ if app.models.here.newer(model).is_some() => ("newer", theme.accent),
        verdict => verdict_word(verdict, theme),
    };
    spans.push(Span::styled(word, on(style)));
    Line::from(spans)
}

fn job_word(work: Option<&Work>) -> &'static str {
    match work.map(|work| work.job) {
        Some(Job::Verify) => "checking",
        Some(Job::Delete) => "deleting",
        Some(Job::Discard) => "discarding",
        Some(Job::LookForNewer) => "asking",
        Some(Job::Import | Job::LookAtRemoval) | None => "",
    }
}

fn unfinished_row(app: &App, unfinished: &Unfinished, chosen: bool, columns: &Columns) -> Line<'static> {
    let theme = &app.theme;
    let on = |style| if chosen { theme.selection } else { style };
    let name = padded(&unfinished.repo.name, columns.name.saturating_sub(1), theme.glyphs.ellipsis);
    let rest = columns.quant + SIZE + columns.context + columns.used;
    let come = format!("{} have come", bytes(unfinished.bytes));
    let come = match unfinished.total {
        Some(total) if rest >= 24 => format!("{} of {}", bytes(unfinished.bytes), bytes(total)),
        Some(total) => percent(unfinished.bytes, total),
        None if rest >= 18 => come,
        None => bytes(unfinished.bytes),
    };
    Line::from(vec![
        pointer(app, chosen),
        Span::styled(format!("{name} "), on(theme.muted)),
        Span::styled(format!("{:>w$}", come, w = columns.quant + SIZE), on(theme.muted)),
        Span::styled(" ".repeat(columns.context + columns.used + 2), on(theme.muted)),
        Span::styled(
            if app.models.here.work_on(&unfinished.repo.to_string()).is_some() { "discarding" } else { "unfinished" },
            on(theme.warning),
        ),
    ])
}

fn verdict(app: &App, model: &LocalModel) -> Option<Verdict> {
    let facts = model.facts.as_ref().ok()?;
    Some(fit::judge(facts, model.settings(app.settings.engine.load), &app.machine?).verdict)
}

fn details(app: &App, model: &LocalModel, width: usize, now: Instant) -> Vec<Line<'static>> {
    let theme = &app.theme;
    let dot = theme.glyphs.dot;
    let mut lines = vec![Line::from(vec![
        Span::styled(model.reference.clone(), theme.accent),
        Span::styled(format!("  {} {}", model.format.label(), model.origin), theme.muted),
    ])];
    lines.extend(working(app, &model.reference, width));
    if app.models.here.newer(model).is_some() {
        let key = app.key(Action::LookForNewer);
        lines.push(Line::from(Span::styled(format!("The Hub has something newer: {key} gets it"), theme.accent)));
    }
    match &model.facts {
        Ok(facts) => {
            let text = format!(
                "{} {dot} {} parameters {dot} {} layers {dot} trained for {} tokens{}{}",
                facts.architecture,
                count(facts.parameters),
                facts.layers,
                grouped(facts.context),
                if facts.can_think { format!(" {dot} can think") } else { String::new() },
                model
                    .quantised_as(app.settings.engine.load)
                    .map_or_else(String::new, |quant| format!(" {dot} loaded as {quant}")),
            );
            lines.extend(paragraph(&text, width, theme.base));
            if let Some(caution) = facts.caution(app.settings.engine.load.device) {
                lines.extend(paragraph(caution, width, theme.warning));
            }
            let load = model.settings(app.settings.engine.load);
            let measured = app.models.measured(model, load, app.machine.as_ref(), now);
            if let Some(words) = &measured {
                lines.push(Line::from(Span::styled(words.clone(), theme.base)));
            }
            if let Some(machine) = &app.machine {
                let fit = fit::judge(facts, load, machine);
                // What was measured is better than what is expected.
                let speed = fit::expected_decode(facts, load, machine).filter(|_| measured.is_none());
                lines.extend(paragraph(&fit_words(fit, speed, dot), width, theme.muted));
            }
        }
        Err(error) => lines.extend(error_lines(error, width, theme, theme.error)),
    }
    if let Some(cached) = &model.cached {
        let commit: String = cached.commit.chars().take(8).collect();
        let used = unused(app, model).map_or_else(String::new, |unused| format!(" {dot} last used {}", ago(unused)));
        let text = format!("{} at {commit}{used}", cached.repo);
        lines.push(Line::from(Span::styled(text, theme.muted)));
    }
    lines
}

/// What a model takes of this machine, in words.
pub(super) fn fit_words(fit: fit::Fit, speed: Option<f64>, dot: &str) -> String {
    let largest = match fit.largest_context {
        0 => "not even its weights fit".to_owned(),
        n => format!("the longest that fits is {}", grouped(n)),
    };
    let speed = speed.map_or(String::new(), |speed| format!(" {dot} about {speed:.0} tok/s"));
    format!(
        "{}: needs about {} of {} at a context of {} {dot} {largest}{speed}",
        fit.verdict.label(),
        bytes(fit.needed),
        bytes(fit.budget),
        grouped(fit.context),
    )
}

/// How far the work on something is.
fn working(app: &App, subject: &str, width: usize) -> Option<Line<'static>> {
    let theme = &app.theme;
    let work = app.models.here.work_on(subject)?;
    let what = match work.job {
        Job::Verify => "Checking every byte",
        Job::Delete => "Deleting it",
        Job::Discard => "Throwing away what has come",
        Job::Import | Job::LookAtRemoval => "Looking at it",
        Job::LookForNewer => "Asking the Hub",
    };
    let how_far = work.progress.map_or_else(String::new, |(done, total)| {
        format!(" {} {} of {}", percent(done, total), bytes(done), bytes(total))
    });
    let line = Line::from(vec![
        Span::styled(format!("{what}{how_far}"), theme.accent),
        Span::styled(format!("   {} stops", app.key(Action::CancelJob)), theme.muted),
    ]);
    Some(wrap::truncate(&line, width, theme.glyphs.ellipsis))
}

fn unfinished_details(app: &App, unfinished: &Unfinished, width: usize) -> Vec<Line<'static>> {
    let theme = &app.theme;
    let mut lines = vec![Line::from(Span::styled(unfinished.repo.to_string(), theme.accent))];
    let come = match unfinished.total {
        Some(total) => format!("{} of {} have come", bytes(unfinished.bytes), bytes(total)),
        None => format!("{} have come", bytes(unfinished.bytes)),
    };
    lines.extend(working(app, &unfinished.repo.to_string(), width));
    let (go_on, discard) = (app.key(Action::Open), app.key(Action::DeleteModel));
    let next = match &unfinished.model {
        Some(model) => format!("{go_on} goes on with {model}; {discard} throws it away"),
        None => format!("{go_on} shows what the repository has, to go on with; {discard} throws it away"),
    };
    lines.extend(paragraph(&format!("A download that was not finished: {come}."), width, theme.base));
    lines.extend(paragraph(&next, width, theme.muted));
    lines
}

/// How much of the disk models take, and how much is free.
pub(super) fn disk(canvas: &mut Canvas<'_>, area: Rect, app: &App) {
    let theme = &app.theme;
    let Some(disk) = app.models.here.disk().filter(|disk| disk.total > 0) else { return };
    let free = format!("{} free", bytes(disk.free));
    let whole = format!(" models {} {} {free}", bytes(disk.cache), theme.glyphs.dot);
    let bar = 12;
    let room = usize::from(area.width);
    if wrap::width(&whole) + bar > room {
        if wrap::width(&free) <= room {
            canvas.right(area, &Line::from(Span::styled(free, theme.muted)));
        }
        return;
    }
    // Between 0 and the width of the bar.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
    let cells = |bytes: u64| (share(bytes, disk.total) * bar as f64).round() as usize;
    // What is there at all is seen.
    let models = cells(disk.cache).max(usize::from(disk.cache > 0)).min(bar);
    let taken = cells(disk.total.saturating_sub(disk.free)).clamp(models, bar);
    let glyphs = &theme.glyphs;
    canvas.right(
        area,
        &Line::from(vec![
            Span::styled(glyphs.gauge_full.repeat(models), theme.gauge),
            Span::styled(glyphs.gauge_full.repeat(taken - models), theme.muted),
            Span::styled(glyphs.gauge_empty.repeat(bar - taken), theme.gauge_empty),
            Span::styled(whole, theme.muted),
        ]),
    );
}

fn nothing(canvas: &mut Canvas<'_>, area: Rect, app: &App) {
    let theme = &app.theme;
    let width = usize::from(area.width);
    let mut lines = Vec::new();
    let step = |action, what: &str| step(&app.key(action), what, width, theme);
    if app.models.here.looked() {
        lines.push(Line::from(Span::styled("No model on this machine yet", theme.heading)));
        lines.push(Line::default());
        if app.is_offline() {
            lines.extend(step(Action::ShowSettings, "lets hobnob go online from its next start on, to get one"));
        } else {
            let starter = format!("gets the starter: SmolLM2 135M, {}", bytes(starter::BYTES));
            lines.extend(step(Action::ShowFind, "finds one: what suits this machine, and all of the Hub"));
            lines.extend(step(Action::GetStarter, &starter));
        }
        lines.extend(step(Action::Import, "takes a model file that you have"));
        lines.extend(step(Action::Refresh, "looks again"));
        lines.push(Line::default());
        lines.push(Line::from(Span::styled("Models are looked for in", theme.muted)));
        let cache = app.paths.hub_cache.display().to_string();
        for place in std::iter::once(cache).chain(app.settings.models.folders.iter().map(|f| f.display().to_string())) {
            let margin = [Span::raw("  ")];
            lines.extend(wrap::wrap(&[Span::styled(place, theme.base)], width, &margin, &margin));
        }
        lines.extend(paragraph("and in the folders of `models.folders` in Settings.", width, theme.muted));
    } else {
        lines.push(Line::from(Span::styled("Looking for models on this machine", theme.muted)));
    }
    for problem in app.models.here.problems() {
        lines.extend(paragraph(&problem.message, width, theme.warning));
    }
    canvas.lines_cut(area, &lines);
}
