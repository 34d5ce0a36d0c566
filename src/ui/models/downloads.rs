//! The queue of downloads, and what became of those before.

use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::{Parts, error_lines, keys, parts, pointer, rows};
use crate::app::App;
use crate::app::models::downloads::Download;
use crate::domain::DownloadState;
use crate::domain::action::Action;
use crate::domain::units::{bytes, percent, seconds, share, whole};
use crate::text::wrap;
use crate::ui::canvas::{Canvas, padded, paragraph};

/// Cells of a bar.
const BAR: u16 = 14;

pub(super) fn draw(canvas: &mut Canvas<'_>, area: Rect, app: &mut App) {
    let len = app.models.downloads.all().len();
    if len == 0 {
        return nothing(canvas, area, app);
    }
    let Parts { list, detail, foot } = parts(canvas, area, &app.theme, 6);
    let selected = app.models.downloads.selected;
    rows(
        canvas,
        list,
        (&app.models.downloads.scroll, selected, len),
        app.theme.selection,
        |canvas, at, row, chosen| {
            canvas.items.push((at, row));
            let Some(download) = app.models.downloads.all().get(row) else { return };
            canvas.line(
                at,
                &wrap::truncate(
                    &row_of(canvas, app, download, at.width, chosen),
                    usize::from(at.width),
                    app.theme.glyphs.ellipsis,
                ),
            );
        },
    );
    let Some(download) = app.models.downloads.chosen() else { return };
    let width = usize::from(detail.width);
    let mut lines = details(app, download, width);
    lines.truncate(usize::from(detail.height));
    canvas.lines(detail, &lines);
    let actions: &[(Action, &str)] = match &download.state {
        DownloadState::Done { .. } => &[(Action::Open, "load"), (Action::CancelJob, "off the list")],
        DownloadState::Failed { .. } | DownloadState::Cancelled => {
            &[(Action::Open, "try again"), (Action::CancelJob, "off the list"), (Action::ShowPage, "page")]
        }
        DownloadState::Paused { .. } => {
            &[(Action::Pause, "go on"), (Action::CancelJob, "cancel"), (Action::Load, "load when here")]
        }
        DownloadState::Queued => {
            &[(Action::DownloadFirst, "first"), (Action::CancelJob, "cancel"), (Action::Load, "load when here")]
        }
        DownloadState::Waiting { .. } => {
            &[(Action::Open, "try now"), (Action::Pause, "pause"), (Action::CancelJob, "cancel")]
        }
        _ => &[(Action::Pause, "pause"), (Action::CancelJob, "cancel"), (Action::Load, "load when here")],
    };
    canvas.line(foot, &keys(app, foot.width, actions));
}

fn row_of(canvas: &Canvas<'_>, app: &App, download: &Download, width: u16, chosen: bool) -> Line<'static> {
    let theme = &app.theme;
    let on = |style: Style| if chosen { theme.selection } else { style };
    let roomy = width >= 60;
    let name_width = usize::from(width).saturating_sub(if roomy { 46 } else { 17 }).min(48);
    let name = padded(&download.name, name_width.saturating_sub(1), theme.glyphs.ellipsis);
    let name_style = if download.has_ended() { theme.muted } else { theme.base };
    let mut spans = vec![pointer(app, chosen), Span::styled(format!("{name} "), on(name_style))];
    let (word, style) = word(download, app);
    let progress = download.state.progress().filter(|_| !download.has_ended());
    if let Some((done, total)) = progress {
        if roomy {
            spans.extend(canvas.gauge(share(done, total), BAR, on(theme.gauge), on(theme.gauge_empty)));
        }
        spans.push(Span::styled(format!(" {:>5}  ", percent(done, total)), on(theme.base)));
    }
    spans.push(Span::styled(word, on(style)));
    Line::from(spans)
}

/// How a download stands, in a few words.
fn word(download: &Download, app: &App) -> (String, Style) {
    let theme = &app.theme;
    match &download.state {
        DownloadState::Queued => ("waits for its turn".to_owned(), theme.muted),
        DownloadState::Resolving => ("asking where it is".to_owned(), theme.muted),
        DownloadState::Running { bytes_per_second, .. } => {
            // At the beginning there is no speed yet.
            let Some(left) = download.seconds_left() else { return ("beginning".to_owned(), theme.muted) };
            (format!("{}/s, {} left", bytes(whole(*bytes_per_second)), time_left(left)), theme.base)
        }
        DownloadState::Paused { .. } => ("paused".to_owned(), theme.warning),
        DownloadState::Waiting { wait, .. } => {
            (format!("tries again in {}", time_left(wait.as_secs().max(1))), theme.warning)
        }
        DownloadState::Verifying { .. } => ("checking every byte".to_owned(), theme.base),
        DownloadState::Done { model } => (format!("{} here, {}", theme.glyphs.check, bytes(model.bytes)), theme.good),
        DownloadState::Cancelled => ("cancelled".to_owned(), theme.muted),
        DownloadState::Failed { .. } => (format!("{} failed", theme.glyphs.failed), theme.error),
    }
}

/// A time that is guessed has no tenths.
fn time_left(left: u64) -> String {
    match left {
        0..60 => format!("{left} s"),
        60..3600 => format!("{} min", left.div_ceil(60)),
        _ => format!("{} h {:02} min", left / 3600, left % 3600 / 60),
    }
}

fn details(app: &App, download: &Download, width: usize) -> Vec<Line<'static>> {
    let theme = &app.theme;
    let mut lines = vec![Line::from(Span::styled(download.model.to_string(), theme.accent))];
    match &download.state {
        DownloadState::Running { done, total, source, files, .. } => {
            let files = files.label().map(|files| format!(", {files},")).unwrap_or_default();
            let text = format!("{} of {}{files} from {source}", bytes(*done), bytes(*total));
            lines.extend(paragraph(&text, width, theme.base));
        }
        DownloadState::Paused { done, total } => {
            let text = format!("{} of {} are here and stay", bytes(*done), bytes(*total));
            lines.extend(paragraph(&text, width, theme.base));
        }
        DownloadState::Waiting { error, wait, .. } => {
            lines.extend(error_lines(error, width, theme, theme.warning));
            let text = format!("The next attempt is made after {}; what has come is kept.", seconds(*wait));
            lines.extend(paragraph(&text, width, theme.muted));
        }
        DownloadState::Done { model } => {
            lines.extend(paragraph(&format!("In the list as {}", model.reference), width, theme.base));
        }
        DownloadState::Failed { error } => lines.extend(error_lines(error, width, theme, theme.error)),
        DownloadState::Cancelled => {
            lines.extend(paragraph("What has arrived is kept: the next try goes on from there.", width, theme.muted));
        }
        DownloadState::Queued | DownloadState::Resolving | DownloadState::Verifying { .. } => {}
    }
    if download.then_load.is_wished() && !download.has_ended() {
        lines.extend(paragraph("It is loaded when it is here.", width, theme.muted));
    }
    lines
}

fn nothing(canvas: &mut Canvas<'_>, area: Rect, app: &App) {
    let theme = &app.theme;
    let step = |action, what: &str| {
        Line::from(vec![
            Span::styled(format!("{:<8}", app.key(action)), theme.accent),
            Span::styled(what.to_owned(), theme.base),
        ])
    };
    let mut lines = vec![Line::from(Span::styled("Nothing is being downloaded", theme.heading)), Line::default()];
    lines.push(step(Action::ShowFind, "finds a model that suits this machine"));
    lines.push(step(Action::GetStarter, "gets the starter"));
    lines.push(Line::default());
    let text = "Downloads go on while you chat; what has come is never lost, whatever happens.";
    lines.extend(paragraph(text, usize::from(area.width), theme.muted));
    canvas.lines(area, &lines);
}
