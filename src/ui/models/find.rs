//! Finding a model: the field, its filters, the catalog, what the Hub has.

use std::fmt::Write as _;

use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::here::fit_words;
use super::{Parts, error_lines, keys, parts, pointer, rows, verdict_word};
use crate::app::App;
use crate::app::models::find::{Find, Found, Item, Known, Searching};
use crate::domain::action::Action;
use crate::domain::catalog::Standing;
use crate::domain::fit::Verdict;
use crate::domain::hub::{Gated, Quality};
use crate::domain::units::{age, ago, bytes, count, grouped, short};
use crate::error::ErrorKind;
use crate::text::wrap;
use crate::ui::canvas::{Canvas, padded, paragraph};
use crate::ui::field::marked_field;
use crate::ui::{split_left, split_right, split_top};

/// Widths of the columns after the name.
const PARAMETERS: usize = 6;
const KIND: usize = 13;
const DOWNLOADS: usize = 7;
const LIKES: usize = 6;
const AGE: usize = 6;
const STATE: usize = 11;

pub(super) fn draw(canvas: &mut Canvas<'_>, area: Rect, app: &mut App) -> Option<Position> {
    let roomy = area.height >= 14;
    let (field, rest) = split_top(area, 1);
    let cursor = self::field(canvas, field, app);
    let (chips, rest) = split_top(rest, 1 + u16::from(roomy));
    filters(canvas, chips, app);
    let Parts { list, detail, foot } = parts(canvas, rest, &app.theme, 5);
    let columns = Columns::of(list.width);
    let sections = Sections::of(&app.models.find);
    let (head, list) = split_top(list, 1);
    canvas.line(
        head,
        &Line::from(Span::styled(
            columns.titles(matches!(app.models.find.chosen(), Some(Item::Catalog(_)))),
            app.theme.muted,
        )),
    );
    let selected = sections.row_of(app.models.find.selected);
    rows(canvas, list, (&app.models.find.scroll, selected, sections.len()), Style::new(), |canvas, at, row, _| {
        let theme = &app.theme;
        let find = &app.models.find;
        let item = match sections.slot(row) {
            Slot::Gap => return,
            Slot::Heading(text) => {
                canvas.line(at, &canvas.cut(text, at.width, theme.heading));
                return;
            }
            Slot::Item(item) => item,
        };
        canvas.items.push((at, item));
        let chosen = item == find.selected;
        if chosen {
            canvas.fill(at, theme.selection);
        }
        let line = match find.item(item) {
            Some(Item::Named(repo)) => Line::from(vec![
                pointer(app, chosen),
                Span::styled(format!("Go to {repo}"), if chosen { theme.selection } else { theme.accent }),
            ]),
            Some(Item::Catalog(known)) => known_row(app, known, chosen, &columns),
            Some(Item::Hit(found)) => hit_row(app, found, chosen, &columns),
            None => return,
        };
        canvas.line(at, &wrap::truncate(&line, usize::from(at.width), theme.glyphs.ellipsis));
    });
    let used = u16::try_from(sections.len()).unwrap_or(u16::MAX).min(list.height);
    let (_, empty) = split_top(list, used);
    canvas.lines(empty, &instead_of_rows(app, usize::from(empty.width), used > 0));
    let width = usize::from(detail.width);
    let mut lines = app.models.find.chosen().map_or_else(Vec::new, |item| details(app, item, width));
    lines.truncate(usize::from(detail.height));
    canvas.lines(detail, &lines);
    let actions: &[(Action, &str)] = if app.models.types() {
        &[(Action::Open, "opens"), (Action::Back, "leaves the field, for filters and keys")]
    } else if matches!(app.models.find.chosen(), Some(Item::Catalog(_))) {
        &[
            (Action::Search, "search"),
            (Action::Open, "open"),
            (Action::Load, "get it and load it"),
            (Action::ClearFilters, "no filters"),
            (Action::Refresh, "ask again"),
        ]
    } else {
        &[
            (Action::Search, "search"),
            (Action::Open, "open"),
            (Action::ClearFilters, "no filters"),
            (Action::Refresh, "ask again"),
        ]
    };
    canvas.line(foot, &keys(app, foot.width, actions));
    cursor
}

/// What is searched for, and how that stands at the right.
fn field(canvas: &mut Canvas<'_>, area: Rect, app: &App) -> Option<Position> {
    let theme = &app.theme;
    let find = &app.models.find;
    let typing = app.models.types();
    let state = match &find.searching {
        Searching::Settling | Searching::New(_) => "searching".to_owned(),
        Searching::More(_) => format!("{} found, asking for more", find.hits()),
        Searching::Failed { more: true, .. } => format!("{} found, more could not be had", find.hits()),
        Searching::Done if find.hits() + find.left_out() > 0 => {
            let more = if find.is_whole() { "" } else { " so far" };
            let out = find.left_out();
            let out = if out > 0 { format!(", {out} more don't fit") } else { String::new() };
            format!("{} found{more}{out}", find.hits())
        }
        Searching::NotYet | Searching::Done | Searching::Failed { more: false, .. } => String::new(),
    };
    let style = if matches!(find.searching, Searching::Failed { .. }) { theme.warning } else { theme.muted };
    let state_width = u16::try_from(wrap::width(&state)).unwrap_or(0);
    canvas.right(area, &Line::from(Span::styled(state, style)));
    let (area, _) = split_right(area, if state_width > 0 { state_width + 2 } else { 0 });
    let mark = if typing { theme.accent } else { theme.muted };
    let cursor = marked_field(canvas, area, app, &find.field, mark);
    if !typing && find.field.is_empty() {
        let (_, hint) = split_left(area, 2);
        let text = format!("{} searches the Hub; an address goes straight to its page", app.key(Action::Search));
        canvas.line(hint, &canvas.cut(&text, hint.width, theme.muted));
    }
    cursor.filter(|_| typing)
}

/// What narrows the search, each with its key.
fn filters(canvas: &mut Canvas<'_>, area: Rect, app: &App) {
    let theme = &app.theme;
    let filters = &app.models.find.filters;
    let author =
        filters.author.as_ref().map(|author| padded(author, wrap::width(author).min(14), theme.glyphs.ellipsis));
    let chips = [
        (Action::FilterKind, "format", filters.kind.map(|kind| kind.label().to_owned())),
        (Action::FilterSize, "size", filters.billions.map(|billions| format!("to {billions}B"))),
        (Action::FilterLicence, "licence", filters.licence.map(str::to_owned)),
        (Action::FilterAuthor, "author", author),
        (Action::FilterFits, "what fits", filters.fits.then(|| "what fits".to_owned())),
        (Action::Sort, "", Some(filters.sort.label().to_owned())),
    ];
    let gap = if area.width >= 76 { "   " } else { "  " };
    let mut line = Line::default();
    for (action, name, value) in chips {
        // A key that would be typed into the field is none.
        let key = if app.models.types() { String::new() } else { format!("{} ", app.key(action)) };
        let is_set = value.is_some() && (action != Action::Sort || filters.sort != crate::domain::hub::Sort::default());
        let mut spans = vec![Span::styled(key, theme.accent)];
        spans.push(match value {
            Some(value) if is_set => Span::styled(value, theme.selection),
            Some(value) => Span::styled(value, theme.muted),
            None => Span::styled(name, theme.muted),
        });
        let width: usize = spans.iter().map(|span| wrap::width(&span.content)).sum();
        if wrap::line_width(&line) + width > usize::from(area.width) {
            break;
        }
        line.spans.extend(spans);
        line.push_span(Span::raw(gap));
    }
    canvas.line(area, &line);
}

/// The rows of the list: sections with their headings, without any of them being made.
struct Sections {
    named: usize,
    catalog: usize,
    hits: usize,
}

enum Slot {
    Heading(&'static str),
    Gap,
    Item(usize),
}

const CATALOG: &str = "Known to be good, what suits this machine first";
const TRENDING: &str = "Trending on the Hub";

impl Sections {
    fn of(find: &Find) -> Self {
        let hits = find.hits();
        let catalog = find.known();
        Self { named: find.before_hits() - catalog, catalog, hits }
    }

    /// Rows that the headings around the catalog take before its first entry, and before the first repository.
    fn headings(&self) -> (usize, usize) {
        if self.catalog > 0 { (1, 3) } else { (0, 0) }
    }

    fn len(&self) -> usize {
        self.named + self.catalog + self.hits + self.headings().1
    }

    fn row_of(&self, item: usize) -> usize {
        let (before_catalog, before_hits) = self.headings();
        if item < self.named {
            item
        } else if item < self.named + self.catalog {
            item + before_catalog
        } else {
            item + before_hits
        }
    }

    fn slot(&self, row: usize) -> Slot {
        let (before_catalog, before_hits) = self.headings();
        let first = self.named + before_catalog;
        let after = first + self.catalog;
        match row {
            row if row < self.named => Slot::Item(row),
            row if self.catalog > 0 && row < first => Slot::Heading(CATALOG),
            row if row < after => Slot::Item(row - before_catalog),
            row if self.catalog > 0 && row == after => Slot::Gap,
            row if self.catalog > 0 && row == after + 1 => Slot::Heading(TRENDING),
            row => Slot::Item(row - before_hits),
        }
    }
}

struct Columns {
    name: usize,
    kind: usize,
    downloads: usize,
    likes: usize,
    age: usize,
}

impl Columns {
    fn of(width: u16) -> Self {
        let width = usize::from(width);
        let wanted = |from, columns| if width >= from { columns } else { 0 };
        let (kind, downloads, likes, age) =
            (wanted(56, KIND), wanted(64, DOWNLOADS), wanted(76, LIKES), wanted(72, AGE));
        let name = width.saturating_sub(2 + PARAMETERS + kind + downloads + likes + age + STATE);
        Self { name, kind, downloads, likes, age }
    }

    /// Of the section that the chosen row is in.
    fn titles(&self, catalog: bool) -> String {
        let Self { name, kind, downloads, likes, age } = *self;
        if catalog {
            let figures = downloads + likes + age;
            return format!(
                "  {:<name$}{:>PARAMETERS$}  {:<kind$.kind$}{:>figures$.figures$}",
                "model",
                "size",
                "files",
                "download",
                kind = kind.saturating_sub(2)
            );
        }
        format!(
            "  {:<name$}{:>PARAMETERS$}  {:<kind$.kind$}{:>downloads$.downloads$}{:>likes$.likes$}{:>age$.age$}",
            "model",
            "size",
            "format",
            "downl.",
            "likes",
            "age",
            kind = kind.saturating_sub(2)
        )
    }
}

fn hit_row(app: &App, found: &Found, chosen: bool, columns: &Columns) -> Line<'static> {
    let theme = &app.theme;
    let Found { hit, verdict } = found;
    let verdict = *verdict;
    // What was found before is of another question.
    let faded = app.models.find.is_stale();
    let on = |style| {
        if chosen {
            theme.selection
        } else if faded {
            theme.muted
        } else {
            style
        }
    };
    let parameters = hit.parameters.map(short).unwrap_or_default();
    let name = padded(&hit.repo.to_string(), columns.name.saturating_sub(1), theme.glyphs.ellipsis);
    let size_style = if verdict == Some(Verdict::TooLarge) { theme.error } else { theme.base };
    let mut spans = vec![
        pointer(app, chosen),
        Span::styled(format!("{name} "), on(if verdict == Some(Verdict::TooLarge) { theme.muted } else { theme.base })),
        Span::styled(format!("{parameters:>PARAMETERS$}"), on(size_style)),
    ];
    if columns.kind > 0 {
        let more = hit.kinds.len().saturating_sub(1);
        let more = if more > 0 { format!(" +{more}") } else { String::new() };
        let kind = hit.kinds.first().map(|kind| format!("{}{more}", kind.label())).unwrap_or_default();
        spans.push(Span::styled(
            format!("  {}", padded(&kind, columns.kind - 2, theme.glyphs.ellipsis)),
            on(theme.muted),
        ));
    }
    for (width, text) in [
        (columns.downloads, short(hit.downloads)),
        (columns.likes, short(hit.likes)),
        (columns.age, hit.age.map(age).unwrap_or_default()),
    ] {
        if width > 0 {
            spans.push(Span::styled(format!("{text:>width$}"), on(theme.muted)));
        }
    }
    let (word, style) = if app.models.here.has(&hit.repo) {
        ("here", theme.good)
    } else if app.models.downloads.gets(&hit.repo) {
        ("coming", theme.accent)
    } else if hit.gated.is_gated() {
        ("gated", theme.warning)
    } else if verdict == Some(Verdict::TooLarge) {
        (Verdict::TooLarge.label(), theme.error)
    } else {
        ("", theme.muted)
    };
    spans.push(Span::styled(format!("  {word}"), on(style)));
    Line::from(spans)
}

fn known_row(app: &App, known: &Known, chosen: bool, columns: &Columns) -> Line<'static> {
    let theme = &app.theme;
    let on = |style| if chosen { theme.selection } else { style };
    let can_be = known.standing.is_none_or(|standing| standing < Standing::TooLarge);
    let mark = if known.recommended.is_some() && !chosen {
        Span::styled(format!("{} ", theme.glyphs.assistant), theme.good)
    } else {
        pointer(app, chosen)
    };
    let name = padded(&known.title, columns.name.saturating_sub(1), theme.glyphs.ellipsis);
    let parameters = known.parameters.map(short).unwrap_or_default();
    let mut spans = vec![
        mark,
        Span::styled(format!("{name} "), on(if can_be { theme.base } else { theme.muted })),
        Span::styled(format!("{parameters:>PARAMETERS$}"), on(theme.base)),
    ];
    if columns.kind > 0 {
        let kind = known.kind.map_or("", crate::domain::hub::Kind::label);
        let text = padded(&format!("{kind} {}", known.quant), columns.kind - 2, theme.glyphs.ellipsis);
        spans.push(Span::styled(format!("  {text}"), on(theme.muted)));
    }
    let figures = columns.downloads + columns.likes + columns.age;
    if figures > 0 {
        let size = known.bytes.map(bytes).unwrap_or_default();
        let speed = known.speed.map(|speed| format!("  {speed:.0} tok/s")).unwrap_or_default();
        let text = if wrap::width(&size) + wrap::width(&speed) <= figures { size + &speed } else { size };
        spans.push(Span::styled(format!("{text:>figures$}"), on(theme.muted)));
    }
    let here = known.repo().is_some_and(|repo| app.models.here.has(repo));
    let coming = known.model.as_ref().is_some_and(|model| app.models.downloads.of(model).is_some());
    let (word, style) = match known.standing {
        _ if here => ("here", theme.good),
        _ if coming => ("coming", theme.accent),
        _ if known.recommended.is_some() => ("best here", theme.good),
        Some(Standing::Slow) => ("slow", theme.warning),
        Some(Standing::NotHere) => ("no files", theme.muted),
        _ => verdict_word(known.fit.map(|fit| fit.verdict), theme),
    };
    spans.push(Span::styled(format!("  {word}"), on(style)));
    Line::from(spans)
}

/// What is said where there is nothing to list, or after what is listed.
fn instead_of_rows(app: &App, width: usize, after_rows: bool) -> Vec<Line<'static>> {
    let theme = &app.theme;
    let find = &app.models.find;
    let mut lines = Vec::new();
    match &find.searching {
        Searching::Failed { error, more: false } => {
            if after_rows {
                lines.push(Line::default());
            }
            let title = match error.kind {
                ErrorKind::RateLimited => "The Hub wants fewer questions",
                ErrorKind::Unauthorised => "The Hub does not take this token",
                _ if app.is_offline() => "Offline",
                ErrorKind::Network => "The Hub can't be reached",
                _ => "The search failed",
            };
            lines.push(Line::from(Span::styled(title, theme.error)));
            lines.extend(error_lines(error, width, theme, theme.base));
            if !app.is_offline() {
                let key = app.key(if app.models.types() { Action::Back } else { Action::Refresh });
                let what = if app.models.types() {
                    format!("{key} leaves the field, {} then asks again", app.key(Action::Refresh))
                } else {
                    format!("{key} asks again")
                };
                lines.extend(paragraph(&what, width, theme.muted));
            }
        }
        Searching::Done if find.hits() == 0 && find.left_out() > 0 => {
            lines.push(Line::from(Span::styled("Nothing of what was found fits this machine", theme.heading)));
            let mut what = format!("{} shows all of it: {}", app.key(Action::FilterFits), find.left_out());
            if find.has_more() {
                let _ = write!(what, "; {} looks further", app.key(Action::Next));
            }
            lines.extend(paragraph(&what, width, theme.muted));
        }
        Searching::Done if find.hits() == 0 => {
            lines.push(Line::from(Span::styled("Nothing was found", theme.heading)));
            let (clear, all) =
                (app.key(Action::ClearFilters), "fewer or other words; owner/repository goes straight to one");
            lines.extend(paragraph(&format!("Try {all}."), width, theme.muted));
            if find.filters != crate::app::models::find::Filters::default() {
                lines.extend(paragraph(&format!("{clear} takes all filters off."), width, theme.muted));
            }
        }
        Searching::NotYet | Searching::Settling | Searching::New(_) if find.hits() == 0 => {
            lines.push(Line::from(Span::styled("Asking the Hub", theme.muted)));
        }
        _ => {}
    }
    lines
}

fn details(app: &App, item: Item<'_>, width: usize) -> Vec<Line<'static>> {
    let theme = &app.theme;
    let dot = theme.glyphs.dot;
    match item {
        Item::Named(repo) => paragraph(&format!("{} shows what {repo} has", app.key(Action::Open)), width, theme.muted),
        Item::Catalog(known) => {
            let mut lines = paragraph(&known.about, width, theme.base);
            if let Some(reason) = &known.recommended {
                lines.extend(paragraph(&format!("Recommended: {reason}"), width, theme.good));
            } else if known.standing == Some(Standing::NotHere) {
                lines.extend(paragraph("It comes in no files that run on this kind of machine", width, theme.warning));
            } else if let Some(fit) = known.fit {
                lines.extend(paragraph(&fit_words(fit, known.speed, dot), width, theme.muted));
            }
            let mut facts: Vec<String> = Vec::new();
            facts.extend(known.model.as_ref().map(ToString::to_string));
            facts.extend(known.context.map(|context| format!("context {}", grouped(context))));
            facts.extend(known.licence.clone());
            lines.extend(paragraph(&facts.join(&format!(" {dot} ")), width, theme.muted));
            lines
        }
        Item::Hit(Found { hit, verdict }) => {
            let mut lines = vec![Line::from(Span::styled(hit.repo.to_string(), theme.accent))];
            let mut facts: Vec<String> = Vec::new();
            facts.extend(hit.parameters.map(|parameters| format!("{} parameters", count(parameters))));
            let kinds: Vec<_> = hit.kinds.iter().map(|kind| kind.label()).collect();
            if !kinds.is_empty() {
                facts.push(kinds.join(", "));
            }
            facts.extend(hit.bytes.map(bytes));
            facts.extend(hit.licence.clone());
            facts.extend(hit.age.map(|age| format!("changed {}", ago(age))));
            lines.extend(paragraph(&facts.join(&format!(" {dot} ")), width, theme.base));
            match hit.gated {
                Gated::No => {}
                Gated::Terms => {
                    lines.extend(paragraph("Gated: its terms must be agreed to first", width, theme.warning));
                }
                Gated::Request => {
                    lines.extend(paragraph("Gated: its owner looks at each request", width, theme.warning));
                }
            }
            if let Some(warning) = hit.quality().and_then(Quality::warning) {
                lines.extend(paragraph(warning, width, theme.warning));
            }
            if *verdict == Some(Verdict::TooLarge) {
                lines.extend(paragraph("Likely too large for this machine, with 4 bits too", width, theme.error));
            }
            lines
        }
    }
}
