//! One repository: what it offers and what that comes to on this machine, what it was made of, its card.

use ratatui::layout::Rect;
use ratatui::style::Modifier;
use ratatui::text::{Line, Span};

use super::here::fit_words;
use super::{Parts, WIDE, error_lines, keys, parts, pointer, rows, verdict_word};
use crate::app::App;
use crate::app::models::page::{Face, Page, Row, State};
use crate::domain::action::Action;
use crate::domain::fit::Verdict;
use crate::domain::hub::{Gated, Offer, RepoPage};
use crate::domain::units::{ago, bytes, grouped, many, short};
use crate::error::ErrorKind;
use crate::text::wrap;
use crate::ui::canvas::{Canvas, padded, paragraph};
use crate::ui::{READING_WIDTH, split_bottom, split_top};

/// Widths of the columns.
const SIZE: usize = 9;
const QUALITY: usize = 9;
const FIT: usize = 10;
const CONTEXT: usize = 11;
const SPEED: usize = 10;
const NOTE: usize = 14;

pub(super) fn draw(canvas: &mut Canvas<'_>, area: Rect, app: &mut App) {
    let beside = area.width >= WIDE - 2;
    let face = app.models.page().map_or(Face::Offers, |page| page.face);
    let (head, rest) = split_top(area, header_rows(app, area));
    header(canvas, head, app);
    if let Some(lines) = instead(app, usize::from(rest.width)) {
        let (rest, foot) = split_bottom(rest, 1);
        canvas.lines(rest, &lines);
        canvas.line(foot, &keys(app, foot.width, &[(Action::Back, "back"), (Action::Refresh, "ask again")]));
        return;
    }
    // On a wide screen the card is always there, on another it is the page's other side.
    if beside {
        let Parts { list, detail, foot } = parts(canvas, rest, &app.theme, 0);
        let (list, about) = split_bottom(list, 9.min(list.height / 2));
        offers(canvas, list, app);
        let (rule, about) = split_top(about, 1);
        let line = app.theme.glyphs.rule.repeat(usize::from(rule.width));
        canvas.line(rule, &Line::from(Span::styled(line, app.theme.border)));
        details(canvas, about, app);
        let (detail, _) = split_bottom(detail, 1);
        card(canvas, detail, app);
        page_keys(canvas, foot, app, true);
    } else if face == Face::Card {
        let (body, foot) = split_bottom(rest, 1);
        card(canvas, body, app);
        let actions = [
            (Action::Next, "down"),
            (Action::PageNext, "a page"),
            (Action::Card, "what it offers"),
            (Action::Back, "back"),
        ];
        canvas.line(foot, &keys(app, foot.width, &actions));
    } else {
        if let Some(card) = app.models.page_mut().and_then(|page| page.card.as_mut()) {
            card.height = 0;
        }
        let Parts { list, detail, foot } = parts(canvas, rest, &app.theme, 6);
        offers(canvas, list, app);
        details(canvas, detail, app);
        page_keys(canvas, foot, app, false);
    }
}

fn page_keys(canvas: &mut Canvas<'_>, foot: Rect, app: &App, beside: bool) {
    let Some(page) = app.models.page() else { return };
    let is_here = page.offer().is_some_and(|offer| app.models.here.of_offer(&page.repo, offer).is_some());
    let mut actions: Vec<(Action, &str)> = match page.chosen() {
        Some(Row::Offer(..)) if is_here => vec![(Action::Open, "load")],
        Some(Row::Offer(..)) => vec![(Action::Open, "get"), (Action::Load, "get and load")],
        Some(Row::Base(_) | Row::Sibling(_)) => vec![(Action::Open, "go there")],
        None => Vec::new(),
    };
    if page.card.is_some() {
        actions.push(if beside { (Action::PageNext, "card down") } else { (Action::Card, "card") });
    }
    actions.extend([(Action::Back, "back"), (Action::ShowDownloads, "downloads")]);
    canvas.line(foot, &keys(app, foot.width, &actions));
}

/// What is said while there is no page.
fn instead(app: &App, width: usize) -> Option<Vec<Line<'static>>> {
    let theme = &app.theme;
    let page = app.models.page()?;
    match &page.state {
        State::Here(_) => None,
        State::Asked(_) => Some(vec![Line::from(Span::styled("Asking the Hub what it has", theme.muted))]),
        State::Failed(error) => {
            let title = match error.kind {
                _ if app.is_offline() => "Offline",
                ErrorKind::ModelNotFound => "There is no such repository",
                ErrorKind::Unauthorised => "The Hub does not let you see this repository",
                ErrorKind::RateLimited => "The Hub wants fewer questions",
                ErrorKind::Network => "The Hub can't be reached",
                _ => "The page could not be had",
            };
            let mut lines = vec![Line::from(Span::styled(title, theme.error))];
            lines.extend(error_lines(error, width, theme, theme.base));
            Some(lines)
        }
    }
}

fn header_rows(app: &App, area: Rect) -> u16 {
    let gated = app.models.page().and_then(Page::page).is_some_and(|page| page.hit.gated.is_gated());
    let gap = u16::from(area.height >= 14);
    let facts = 1 + u16::from(area.width < WIDE);
    (facts + u16::from(gated) + gap).min(area.height / 2)
}

fn header(canvas: &mut Canvas<'_>, area: Rect, app: &App) {
    let theme = &app.theme;
    let Some(page) = app.models.page() else { return };
    let revision = page.revision.as_ref().map_or_else(String::new, |revision| format!(" at {revision}"));
    let name = format!("{}{revision}", page.repo);
    let title = canvas.cut(&name, area.width, theme.accent.add_modifier(Modifier::BOLD));
    let end = canvas.line(area, &title);
    let Some(content) = page.page() else { return };
    let facts = facts(content, theme.glyphs.dot);
    let (_, mut below) = split_top(area, 1);
    if area.width >= WIDE - 2 {
        let free = Rect { x: end + 3, width: area.right().saturating_sub(end + 3), ..area };
        canvas.line(free, &canvas.cut(&facts, free.width, theme.muted));
    } else {
        canvas.line(below, &canvas.cut(&facts, below.width, theme.muted));
        (_, below) = split_top(below, 1);
    }
    let gate = match content.hit.gated {
        Gated::No => return,
        Gated::Terms => "agree to its terms at",
        Gated::Request => "its owner grants requests at",
    };
    let text = format!("Gated: {gate} {}", content.address);
    canvas.line(below, &canvas.cut(&text, below.width, theme.warning));
}

fn facts(page: &RepoPage, dot: &str) -> String {
    let hit = &page.hit;
    let mut facts: Vec<String> = Vec::new();
    facts.extend(hit.parameters.map(short));
    facts.push(hit.licence.clone().unwrap_or_else(|| "no licence said".to_owned()));
    facts.push(format!("{} downloads", short(hit.downloads)));
    facts.push(format!("{} likes", short(hit.likes)));
    facts.extend(hit.age.map(|age| format!("changed {}", ago(age))));
    facts.join(&format!(" {dot} "))
}

struct Columns {
    quant: usize,
    quality: usize,
    context: usize,
    speed: usize,
    note: usize,
}

impl Columns {
    fn of(width: u16, with_speed: bool) -> Self {
        let width = usize::from(width);
        let wanted = |from, columns| if width >= from { columns } else { 0 };
        let (quality, context, note) = (wanted(48, QUALITY), wanted(60, CONTEXT), wanted(70, NOTE));
        let speed = if with_speed { wanted(76, SPEED) } else { 0 };
        let quant = width.saturating_sub(2 + SIZE + 2 + quality + FIT + context + speed + note).min(30);
        Self { quant, quality, context, speed, note }
    }

    fn titles(&self) -> String {
        let Self { quant, quality, context, speed, .. } = *self;
        format!(
            "  {:<quant$}{:>SIZE$}  {:<quality$.quality$}{:<FIT$}{:>context$.context$}{:>speed$.speed$}",
            "offers",
            "size",
            "quality",
            "here",
            "context to",
            "speed",
            quality = quality
        )
    }
}

fn offers(canvas: &mut Canvas<'_>, area: Rect, app: &mut App) {
    let Some(page) = app.models.page() else { return };
    let (len, selected) = (page.len(), page.selected);
    let with_speed = page.judged().is_some_and(|judged| judged.each.iter().any(|one| one.speed.is_some()));
    let columns = Columns::of(area.width, with_speed);
    let (head, list) = split_top(area, 1);
    canvas.line(head, &Line::from(Span::styled(columns.titles(), app.theme.muted)));
    let theme = &app.theme;
    if page.page().is_some_and(|content| content.offers.is_empty()) {
        let text = "Nothing here that this program could load: no GGUF, no safetensors, no UQFF";
        canvas.line(list, &canvas.cut(text, list.width, theme.warning));
    }
    let offset = u16::from(page.page().is_some_and(|content| content.offers.is_empty()));
    let (_, list) = split_top(list, offset);
    rows(canvas, list, (&page.scroll, selected, len), theme.selection, |canvas, at, row, chosen| {
        canvas.items.push((at, row));
        let on = |style| if chosen { theme.selection } else { style };
        let line = match page.row(row) {
            Some(Row::Offer(place, offer)) => offer_row(app, page, (place, offer), chosen, &columns),
            Some(Row::Base(repo)) => Line::from(vec![
                pointer(app, chosen),
                Span::styled("made of  ", on(theme.muted)),
                Span::styled(repo.to_string(), on(theme.accent)),
            ]),
            Some(Row::Sibling(hit)) => {
                let kind = hit.kinds.first().map_or("", |kind| kind.label());
                Line::from(vec![
                    pointer(app, chosen),
                    Span::styled("also as  ", on(theme.muted)),
                    Span::styled(hit.repo.to_string(), on(theme.accent)),
                    Span::styled(format!("  {kind} {}", short(hit.downloads)), on(theme.muted)),
                ])
            }
            None => return,
        };
        canvas.line(at, &wrap::truncate(&line, usize::from(at.width), theme.glyphs.ellipsis));
    });
}

fn offer_row(
    app: &App,
    page: &Page,
    (place, offer): (usize, &Offer),
    chosen: bool,
    columns: &Columns,
) -> Line<'static> {
    let theme = &app.theme;
    let on = |style| if chosen { theme.selection } else { style };
    let judgement = page.judgement(place);
    let refused = matches!(offer.facts, Some(Err(_)));
    let dim = refused || judgement.verdict() == Some(Verdict::TooLarge);
    let quant = padded(&offer.quant, columns.quant.saturating_sub(1), theme.glyphs.ellipsis);
    let mut spans = vec![
        pointer(app, chosen),
        Span::styled(format!("{quant} "), on(if dim { theme.muted } else { theme.base })),
        Span::styled(format!("{:>SIZE$}  ", bytes(offer.bytes)), on(if dim { theme.muted } else { theme.base })),
    ];
    if columns.quality > 0 {
        let style = if offer.quality.warning().is_some() { theme.warning } else { theme.muted };
        spans.push(Span::styled(padded(offer.quality.label(), columns.quality, ""), on(style)));
    }
    let (word, style) = if refused {
        ("can't run", theme.error)
    } else if judgement.fit.is_none() && app.machine.is_some() {
        ("not known", theme.muted)
    } else {
        verdict_word(judgement.verdict(), theme)
    };
    spans.push(Span::styled(padded(word, FIT, ""), on(style)));
    if columns.context > 0 {
        let context = judgement.fit.map(|fit| fit.largest_context).filter(|context| *context > 0);
        let text = context.map(grouped).unwrap_or_default();
        spans.push(Span::styled(format!("{text:>w$}", w = columns.context), on(theme.muted)));
    }
    if columns.speed > 0 {
        let text = judgement.speed.map(|speed| format!("{speed:.0} tok/s")).unwrap_or_default();
        spans.push(Span::styled(format!("{text:>w$}", w = columns.speed), on(theme.muted)));
    }
    if columns.note > 0 {
        let best = page.recommended().is_some_and(|(best, _)| best.model == offer.model);
        let (note, style) = if app.models.here.of_offer(&page.repo, offer).is_some() {
            ("on this disk", theme.good)
        } else if app.models.downloads.of(&offer.model).is_some() {
            ("on its way", theme.accent)
        } else if best {
            ("recommended", theme.good)
        } else {
            ("", theme.muted)
        };
        spans.push(Span::styled(format!("  {note}"), on(style)));
    }
    Line::from(spans)
}

/// What there is to know of the chosen row.
fn details(canvas: &mut Canvas<'_>, area: Rect, app: &App) {
    let theme = &app.theme;
    let Some(page) = app.models.page() else { return };
    let width = usize::from(area.width);
    let mut lines = Vec::new();
    match page.chosen() {
        Some(Row::Offer(place, offer)) => {
            let judgement = page.judgement(place);
            let best = page.recommended();
            let is_best = best.is_some_and(|(best, _)| best.model == offer.model);
            if let Some((_, reason)) = best.filter(|_| is_best) {
                lines.extend(paragraph(&format!("Recommended: {reason}"), width, theme.good));
            }
            if let Some(Err(error)) = &offer.facts {
                lines.extend(error_lines(error, width, theme, theme.error));
            }
            if let Some(warning) = offer.quality.warning() {
                lines.extend(paragraph(warning, width, theme.warning));
            }
            if let Some(fit) = judgement.fit {
                let style = if fit.verdict == Verdict::TooLarge { theme.error } else { theme.base };
                lines.extend(paragraph(&fit_words(fit, judgement.speed, theme.glyphs.dot), width, style));
            }
            if let Some(Ok(facts)) = &offer.facts
                && let Some(caution) = facts.caution(app.settings.engine.load.device)
            {
                lines.extend(paragraph(caution, width, theme.warning));
            }
            let instead = matches!(offer.facts, Some(Err(_))) || judgement.verdict() == Some(Verdict::TooLarge);
            if instead {
                let text = match best {
                    Some((best, _)) => format!("Take {} instead: it runs here", best.quant),
                    None if matches!(offer.facts, Some(Err(_))) => "Nothing else of it can be run here".to_owned(),
                    None => "Nothing here with bits enough fits this machine: look for fewer parameters".to_owned(),
                };
                lines.extend(paragraph(&text, width, theme.good));
            }
            let files = many(offer.files.len(), "file");
            lines.push(canvas.cut(&format!("{} {} {files}", offer.model, theme.glyphs.dot), area.width, theme.muted));
        }
        Some(Row::Base(repo)) => {
            lines.extend(paragraph(&format!("{} was made of {repo}", page.repo), width, theme.muted));
        }
        Some(Row::Sibling(hit)) => {
            let text = format!("{} was made of the same, by {}", hit.repo, hit.repo.owner);
            lines.extend(paragraph(&text, width, theme.muted));
        }
        None => {}
    }
    lines.truncate(usize::from(area.height));
    canvas.lines(area, &lines);
}

/// The model card, from where it was scrolled to.
fn card(canvas: &mut Canvas<'_>, area: Rect, app: &mut App) {
    let theme = &app.theme;
    let width = area.width.min(READING_WIDTH);
    let Some(card) = app.models.pages.last_mut().and_then(|page| page.card.as_mut()) else {
        canvas.line(area, &Line::from(Span::styled("It has no model card", theme.muted)));
        return;
    };
    card.height = usize::from(area.height);
    let lines = card.doc.lines(width, theme);
    card.top = card.top.min(lines.len().saturating_sub(card.height));
    let more = lines.len() > card.top + card.height;
    canvas.lines(area, &lines[card.top..]);
    if more {
        let text = format!(" {} more ", theme.glyphs.down);
        let last = Rect { y: area.bottom().saturating_sub(1), height: 1.min(area.height), ..area };
        canvas.right(last, &Line::from(Span::styled(text, theme.selection)));
    }
}
