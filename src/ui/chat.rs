//! The Chat pane: transcript, waiting messages, suggestions, composer.

use std::time::Instant;

use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::app::vim::Mode;
use crate::app::{App, EngineStatus, Tour};
use crate::domain::Thinking;
use crate::domain::action::Action;
use crate::domain::conversation::Message;
use crate::domain::model::starter;
use crate::domain::units::{bytes, seconds};
use crate::text::wrap;
use crate::ui::canvas::{Canvas, paragraph, step};
use crate::ui::{composer, reading_column, split_bottom, status, transcript};

/// Waiting messages that are shown; more are counted.
const QUEUE_ROWS: u16 = 3;
/// Columns that a waiting message has at least.
const LEAST: u16 = 16;

/// Rows that what is being written may have on a screen that is so high.
pub fn most_written(height: u16) -> u16 {
    (height / 3).clamp(1, 12)
}

/// Rows that what is being written would fill in a column of text.
pub fn written(app: &App, column: Rect) -> u16 {
    u16::try_from(app.chat.composer.area.layout(text_width(column)).rows.len()).unwrap_or(u16::MAX)
}

/// Of the composer: two cells for the prompt's mark.
fn text_width(column: Rect) -> u16 {
    column.width.saturating_sub(4).max(2)
}

/// Gives the place of the cursor. The composer has at most so many rows of text.
pub fn draw(canvas: &mut Canvas<'_>, area: Rect, app: &mut App, now: Instant, most_written: u16) -> Option<Position> {
    let column = reading_column(area);
    // What is pointed at is named above the composer: where that is must be known by then.
    if app.is_reading() {
        app.chat.transcript.settle(&app.chat.conversation, &app.theme);
    }
    let text_width = text_width(column);
    app.chat.composer.area.set_width(text_width);
    let layout = app.chat.composer.area.layout(text_width);
    let padding = u16::from(area.height >= 16);
    let shown = u16::try_from(layout.rows.len()).unwrap_or(u16::MAX).clamp(1, most_written);
    let (above, composer) = split_bottom(area, shown + 2 * padding + padding);
    let waiting = u16::try_from(app.chat.queue.len()).unwrap_or(u16::MAX).min(QUEUE_ROWS);
    let mut wishes = wishes(app);
    if area.height >= 14 {
        wishes.extend(held(app));
    }
    let (above, above_composer) = split_bottom(above, u16::try_from(wishes.len()).unwrap_or(0));
    let (above, queue) = split_bottom(above, if above.height > 6 { waiting } else { waiting.min(1) });

    let (above, find) = split_bottom(above, u16::from(app.is_finding()));

    let gap = u16::from(above.height > 12);
    let reading = Rect { y: above.y + gap, height: above.height - gap, ..column };
    if app.chat.conversation.is_empty() {
        welcome(canvas, reading, app, now);
    } else {
        transcript::draw(canvas, reading, app, now);
    }
    draw_queue(canvas, Rect { x: column.x, width: column.width, ..queue }, app);
    draw_wishes(canvas, Rect { x: column.x, width: column.width, ..above_composer }, app, &wishes);
    let box_area = Rect { height: composer.height.saturating_sub(padding), ..composer };
    let panel = Rect { x: column.x, width: column.width, ..box_area };
    let cursor = composer::draw(canvas, panel, padding, &layout, app);
    composer::offers(canvas, above, column, app);
    if app.is_finding() {
        return transcript::find(canvas, Rect { x: column.x, width: column.width, ..find }, app);
    }
    cursor.filter(|_| !app.is_reading())
}

fn draw_queue(canvas: &mut Canvas<'_>, area: Rect, app: &App) {
    let theme = &app.theme;
    let key = app.key(Action::TakeBack);
    let all = app.chat.queue.len();
    let rows = usize::from(area.height);
    // The newest is the one that can be taken back.
    for (i, waiting) in app.chat.queue.iter().skip(all.saturating_sub(rows)).enumerate() {
        let row = Rect { y: area.y + u16::try_from(i).unwrap_or(0), height: 1, ..area };
        let newest = i + 1 == rows.min(all);
        let word = if app.chat.held { "held" } else { "next" };
        let hint = match (newest, app.chat.held) {
            (true, true) => format!("Enter sends {} {key} takes it back", theme.glyphs.dot),
            (true, false) => format!("{key} takes it back"),
            _ => String::new(),
        };
        let hint_width = u16::try_from(wrap::width(&hint) + 2).unwrap_or(0);
        // What waits says more than the key.
        let (hint, hint_width) =
            if hint_width > area.width.saturating_sub(LEAST) { (String::new(), 0) } else { (hint, hint_width) };
        let text = &waiting.text;
        let first = text.lines().next().unwrap_or_default();
        let more = if text.lines().nth(1).is_some() { theme.glyphs.ellipsis } else { "" };
        let width = area.width.saturating_sub(hint_width);
        let line = canvas.cut(&format!("  {word} {} {first}{more}", theme.glyphs.bar), width, theme.muted);
        canvas.line(row, &line);
        canvas.right(row, &Line::from(Span::styled(hint, theme.muted)));
    }
}

/// What is wished of the next answer: a word for it, the wish, and how it is taken back.
fn wishes(app: &App) -> Vec<(&'static str, String, String)> {
    let slash = |action: Action| format!("/{}", action.name());
    let mut rows = Vec::from_iter(transcript::reading(app));
    if app.chat.editing.is_some() {
        let hint = format!("{} sends it, {} leaves it", app.key(Action::Send), app.key(Action::Stop));
        rows.push(("edit", "a message again, at its place".into(), hint));
    }
    if let Some(form) = &app.chat.wishes.form {
        let hint = format!("{} takes it off", slash(Action::AnswerInSchema));
        rows.push(("form", format!("the next answer fits {}", form.name), hint));
    }
    if let Some(thinking) = own_thinking(app) {
        let key = app.keys(Action::ToggleThinking).into_iter().next().unwrap_or_else(|| slash(Action::ToggleThinking));
        rows.push(match thinking {
            Thinking::Off => ("with", "no reasoning, in this conversation".into(), format!("{key} turns it on")),
            Thinking::On | Thinking::Auto => {
                ("with", "reasoning, in this conversation".into(), format!("{key} turns it off"))
            }
        });
    }
    rows
}

/// Reasoning or none, where that is this conversation's own.
fn own_thinking(app: &App) -> Option<Thinking> {
    let own = app.chat.own.as_ref()?.thinking.filter(|own| *own != app.settings.chat.thinking);
    app.thinking().filter(|_| own.is_some())
}

/// What this conversation is held with that the settings do not say, and the model that it goes on with.
fn held(app: &App) -> Vec<(&'static str, String, String)> {
    let mut rows = Vec::new();
    if let EngineStatus::Failed { error, .. } = &app.engine
        && !app.chat.conversation.is_empty()
        && !app.chat.ended_with(error)
    {
        rows.push(("with", format!("no model: {}", error.message), String::new()));
    }
    if let Some(model) = app.model_to_return_to() {
        let stays = app.model().map_or_else(String::new, |loaded| format!("/set model= stays with {}", loaded.name));
        rows.push(("with", format!("{}, which is loaded with your next message", model.name), stays));
    }
    let persona = app.chat.own.as_ref().and_then(|own| own.persona.as_ref());
    let differs = app
        .differences_here()
        .into_iter()
        .filter(|(spec, _)| spec.key != "chat.thinking" || own_thinking(app).is_none());
    let mut said: Vec<String> = differs
        .map(|(spec, value)| match spec.key {
            "chat.system_prompt" if value.to_string().is_empty() => "no system prompt".to_owned(),
            "chat.system_prompt" => "its own system prompt".to_owned(),
            _ => format!("{} {}", spec.title.to_lowercase(), spec.show(&value)),
        })
        .collect();
    let word = if persona.is_some() { "as" } else { "with" };
    said.splice(0..0, persona.cloned());
    if !said.is_empty() {
        rows.push((word, said.join(", "), format!("/{} shows it", Action::SetHere.name())));
    }
    rows
}

fn draw_wishes(canvas: &mut Canvas<'_>, area: Rect, app: &App, wishes: &[(&'static str, String, String)]) {
    let theme = &app.theme;
    for (y, (word, what, hint)) in (area.top()..area.bottom()).zip(wishes) {
        let row = Rect { y, height: 1, ..area };
        let text = format!("  {word} {} {what}", theme.glyphs.bar);
        canvas.line(row, &canvas.cut(&text, row.width, theme.accent));
        let used = u16::try_from(wrap::width(&text) + 2).unwrap_or(u16::MAX).min(row.width);
        let free = Rect { x: row.x + used, width: row.width - used, ..row };
        if usize::from(free.width) >= wrap::width(hint) {
            canvas.right(free, &Line::from(Span::styled(hint.clone(), theme.muted)));
        }
    }
}

/// What an empty composer says, and what it hints at.
pub(super) fn prompt(app: &App) -> (String, String) {
    let dot = app.theme.glyphs.dot;
    // Vim's slash finds words.
    let commands = if app.commands_vim() { ':' } else { '/' };
    // Without a key of its own there is still the command.
    let key = |action: Action| match app.key(action) {
        none if none.is_empty() => format!("{commands}{}", action.name()),
        key => key,
    };
    // Vim's own use for Esc comes first.
    let stop = if app.vim_mode().is_some_and(|mode| mode != Mode::Normal) { Action::Interrupt } else { Action::Stop };
    let help = format!("{commands} commands {dot} {} keys", key(Action::Help));
    match &app.engine {
        _ if app.is_reading() => (format!("{} to write again", key(Action::LeaveReading)), help),
        _ if app.chat.is_busy() => {
            ("Write the next one".into(), format!("{} stops {dot} {} queues", key(stop), key(Action::Send)))
        }
        EngineStatus::Ready(_) | EngineStatus::Asleep(_) if app.chat.conversation.is_empty() => {
            ("Ask anything".into(), help)
        }
        EngineStatus::Ready(_) | EngineStatus::Asleep(_)
            if app.chat.conversation.head().is_some_and(Message::can_go_on) =>
        {
            ("Reply".into(), format!("{} lets the answer go on", key(Action::GoOn)))
        }
        EngineStatus::Ready(_) | EngineStatus::Asleep(_) => ("Reply".into(), help),
        EngineStatus::Loading { .. } => ("Write already; it is sent when the model is ready".into(), help),
        EngineStatus::Failed { .. } => {
            let again = format!("{} tries to load it again", key(Action::Send));
            (again, format!("{} chooses another model", key(Action::ShowModels)))
        }
        EngineStatus::Empty => (String::new(), help),
    }
}

/// The empty conversation: how things stand, and the one next step.
fn welcome(canvas: &mut Canvas<'_>, area: Rect, app: &App, now: Instant) {
    let theme = &app.theme;
    let mut page = Page { app, width: usize::from(area.width), lines: Vec::new() };
    match &app.engine {
        EngineStatus::Loading { name, stage, .. } => {
            let time = app.elapsed(now).map(seconds).unwrap_or_default();
            page.say(&format!("Loading {name}"), theme.heading);
            page.say(&format!("{} {} {time}", stage.label(), theme.glyphs.dot), theme.muted);
        }
        EngineStatus::Ready(info) | EngineStatus::Asleep(info) => {
            let dot = theme.glyphs.dot;
            page.say(&format!("{} is ready", info.name), theme.heading);
            let facts = format!("{} {dot} context {} {dot} {}", info.facts.quant, info.context, info.device);
            page.say(&facts, theme.muted);
            page.gap();
            if app.tour == Tour::Over {
                page.step(Action::Send, "sends what you write below");
                page.step(Action::Palette, "finds everything that can be done");
                page.step(Action::Help, "shows all keys");
                if !app.personas.is_empty() {
                    let key = format!("/{}", Action::ChoosePersona.name());
                    page.lines.extend(step(&key, &format!("holds it as {}", names(app)), page.width, theme));
                }
            }
        }
        EngineStatus::Failed { name, error } => {
            page.say(&format!("{name} did not load"), theme.error);
            page.say(&error.message, theme.base);
            if let Some(hint) = &error.hint {
                page.say(hint, theme.muted);
            }
            page.gap();
            page.step(Action::ShowModels, "chooses another model");
            page.step(Action::Send, "tries again");
        }
        EngineStatus::Empty => empty(&mut page, canvas),
    }
    if app.tour == Tour::Shown {
        if app.engine != EngineStatus::Empty && page.lines.last().is_some_and(|line| !line.spans.is_empty()) {
            page.gap();
        }
        tour(&mut page);
    }
    let lines = page.lines;
    // A third from the top, where the eye rests.
    let height = u16::try_from(lines.len()).unwrap_or(area.height).min(area.height);
    let y = area.y + (area.height - height) / 3;
    canvas.lines_cut(Rect { y, height: area.bottom() - y, ..area }, &lines);
}

/// What the empty conversation shows, line by line.
struct Page<'a> {
    app: &'a App,
    width: usize,
    lines: Vec<Line<'static>>,
}

impl Page<'_> {
    fn say(&mut self, text: &str, style: Style) {
        self.lines.extend(paragraph(text, self.width, style));
    }

    fn gap(&mut self) {
        self.lines.push(Line::default());
    }

    /// What the key of an action does here.
    fn step(&mut self, action: Action, what: &str) {
        self.lines.extend(step(&self.app.key(action), what, self.width, &self.app.theme));
    }
}

/// What somebody needs who has never been here, and no more.
fn tour(page: &mut Page<'_>) {
    let (stop, palette) = (page.app.key(Action::Stop), page.app.key(Action::Palette));
    let roomy = page.width >= 72;
    // Until there is a model, the screen says already how to get one.
    if page.app.engine != EngineStatus::Empty {
        let what = if roomy { "sends what you write below;" } else { "sends;" };
        page.step(Action::Send, &format!("{what} {stop} stops the answer"));
        let what = if roomy { ": those on this machine, and those that can be fetched" } else { "" };
        page.step(Action::ShowModels, &format!("shows models{what}"));
    }
    let what = if roomy {
        format!("shows all keys, and {palette} finds everything by its name")
    } else {
        format!("shows keys, {palette} finds all")
    };
    page.step(Action::Help, &what);
}

/// A few personas by name.
fn names(app: &App) -> String {
    const FEW: usize = 3;
    let mut names: Vec<&str> = app.personas.iter().take(FEW).map(|persona| persona.name.as_str()).collect();
    if app.personas.len() > FEW {
        names.push("…");
    }
    names.join(", ")
}

fn empty(page: &mut Page<'_>, canvas: &Canvas<'_>) {
    let (app, theme) = (page.app, &page.app.theme);
    if let Some(download) = app.models.running() {
        page.say(&format!("Getting {}", download.name), theme.heading);
        page.lines.push(Line::from(status::download_gauge(canvas, app, &download.state)));
        if let DownloadSource(Some(source)) = DownloadSource::of(&download.state) {
            page.say(&format!("from {source}"), theme.muted);
        }
        page.gap();
        if download.then_load.is_wished() {
            page.say("It is loaded as soon as it is here.", theme.muted);
        }
    } else if let Some(model) = app.model_to_load() {
        page.say("Ready when you are", theme.heading);
        page.say("No model is loaded yet.", theme.muted);
        page.gap();
        page.step(Action::Send, &format!("loads {} ({})", model.name, bytes(model.bytes)));
        page.step(Action::ShowModels, "chooses another one");
    } else if !app.models.here.looked() {
        page.say("Looking for models on this machine", theme.muted);
    } else {
        page.say("Welcome to hobnob", theme.heading);
        page.say("There is no model on this machine yet.", theme.muted);
        page.gap();
        if app.is_offline() {
            page.step(Action::ShowSettings, "lets hobnob go online from its next start on, to get one");
            page.step(Action::ShowModels, "takes a model file that you have");
        } else {
            let size = bytes(starter::BYTES);
            let what = format!("gets the starter: SmolLM2 135M, {size}, small enough to try this on");
            page.step(Action::Send, &what);
            page.step(Action::ShowModels, "finds another: what suits this machine, and all of the Hub");
        }
    }
}

/// Where a running download comes from.
struct DownloadSource<'a>(Option<&'a str>);

impl<'a> DownloadSource<'a> {
    fn of(state: &'a crate::domain::DownloadState) -> Self {
        match state {
            crate::domain::DownloadState::Running { source, .. } => Self(Some(source)),
            _ => Self(None),
        }
    }
}
