//! The conversation as laid-out lines, and the place in it that is being read.
//!
//! A place is a message and a line in it, never an offset from the beginning: what is above can grow, be folded or be laid
//! out at another width without moving what is being read. Only messages that are on screen, or that a scroll passes, are
//! laid out: a frame costs what is visible, however long the conversation is.

use std::collections::HashMap;

use ratatui::text::{Line, Span};

use crate::config::theme::Theme;
use crate::domain::action::Action;
use crate::domain::conversation::{Conversation, LeftOut, Message, MessageState, Version};
use crate::domain::units::seconds;
use crate::domain::{FinishReason, MsgId, Role};
use crate::text::stream::StreamingDoc;
use crate::text::wrap;

/// What the reader looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    /// The end, wherever it goes.
    Follow,
    /// This line of this message is the topmost on screen.
    At { place: usize, line: usize },
}

/// A wish to move, carried out when the next frame knows how long everything is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Move {
    Lines(i32),
    /// In pages, less two lines that stay in sight.
    Pages(i32),
    PreviousMessage,
    NextMessage,
    Top,
    Bottom,
}

/// What decides how a message is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Key {
    revision: u64,
    width: u16,
    theme: u64,
    unfolded: bool,
    /// What is sent begins with this message.
    left_out: Option<LeftOut>,
    /// Others stand in its place.
    version: Option<Version>,
}

/// One message as lines.
#[derive(Debug)]
struct Laid {
    key: Key,
    /// Above the text: who speaks, and reasoning.
    head: Vec<Line<'static>>,
    body: Body,
    /// Below it: what went wrong, statistics, and the gap to the next message.
    foot: Vec<Line<'static>>,
    /// Lines of the body: its document is asked only when it is laid out.
    body_len: usize,
    used: u64,
}

#[derive(Debug)]
enum Body {
    /// A person's words, as they were typed.
    Plain(Vec<Line<'static>>),
    /// A model's, which grow.
    Document(Box<StreamingDoc>),
}

impl Laid {
    fn len(&self) -> usize {
        self.head.len() + self.body_len + self.foot.len()
    }
}

/// How the conversation is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View {
    pub width: u16,
    pub height: u16,
    /// Reasoning is shown whole.
    pub unfolded: bool,
}

#[derive(Debug)]
pub struct Transcript {
    anchor: Anchor,
    moves: Vec<Move>,
    laid: HashMap<MsgId, Laid>,
    /// What the last frame showed: places on the branch with their range of lines.
    visible: Vec<(usize, std::ops::Range<usize>)>,
    /// The last frame did not reach the end.
    more_below: bool,
    /// Rows of the last frame.
    height: u16,
    /// What is before this place is shown elsewhere.
    from: usize,
    frames: u64,
    versions: Versions,
}

/// Which messages there are several of in one place. Looked for when a message was added, not with every frame.
#[derive(Debug, Default)]
struct Versions {
    /// The id that the next message will have.
    until: MsgId,
    known: HashMap<MsgId, Version>,
}

/// From this width on an answer and its figures stand apart.
const ROOMY: u16 = 60;
/// Laid-out messages that are kept beyond the ones on screen.
const KEPT: usize = 256;

impl Default for Transcript {
    fn default() -> Self {
        Self {
            anchor: Anchor::Follow,
            moves: Vec::new(),
            laid: HashMap::new(),
            visible: Vec::new(),
            more_below: false,
            height: 0,
            from: 0,
            frames: 0,
            versions: Versions::default(),
        }
    }
}

impl Transcript {
    pub fn scroll_lines(&mut self, lines: i32) {
        match self.moves.last_mut() {
            Some(Move::Lines(n)) => *n += lines,
            _ => self.moves.push(Move::Lines(lines)),
        }
    }

    pub fn scroll_pages(&mut self, pages: i32) {
        self.moves.push(Move::Pages(pages));
    }

    pub fn to_previous_message(&mut self) {
        self.moves.push(Move::PreviousMessage);
    }

    pub fn to_next_message(&mut self) {
        self.moves.push(Move::NextMessage);
    }

    pub fn to_top(&mut self) {
        self.moves.push(Move::Top);
    }

    pub fn to_bottom(&mut self) {
        self.moves.push(Move::Bottom);
    }

    /// What is looked at.
    #[must_use]
    pub fn anchor(&self) -> Anchor {
        self.anchor
    }

    /// The beginning of the message at this place is the topmost line, if what follows fills the screen.
    pub fn to_message(&mut self, place: usize) {
        self.anchor = Anchor::At { place, line: 0 };
        self.moves.clear();
    }

    /// True while the end is kept in sight.
    #[must_use]
    pub fn follows(&self) -> bool {
        self.anchor == Anchor::Follow
    }

    /// The last frame did not reach the end.
    #[must_use]
    pub fn more_below(&self) -> bool {
        self.more_below
    }

    /// Forgets everything: another conversation is shown.
    pub fn clear(&mut self) {
        *self = Self { frames: self.frames, ..Self::default() };
    }

    /// The end is kept in sight, and nobody has asked for anything before it.
    #[must_use]
    pub fn stays_at_the_end(&self) -> bool {
        let leaves = |wish: &Move| match wish {
            Move::Lines(n) | Move::Pages(n) => *n < 0,
            Move::PreviousMessage | Move::Top => true,
            Move::NextMessage | Move::Bottom => false,
        };
        self.follows() && !self.moves.iter().any(leaves)
    }

    /// While the end is followed, what is before this place of the branch is not shown: it stands elsewhere.
    pub fn show_from(&mut self, place: usize) {
        self.from = place;
    }

    /// Rows that the last frame had.
    #[must_use]
    pub fn height(&self) -> u16 {
        self.height
    }

    /// Lines from the place on that is shown first.
    pub fn rest(&mut self, conversation: &Conversation, view: View, theme: &Theme) -> usize {
        let from = self.from;
        let mut frame = self.frame(conversation, view, theme);
        (from..conversation.len()).map(|place| frame.len(place)).sum()
    }

    /// All lines of the message at a place.
    pub fn message(
        &mut self,
        conversation: &Conversation,
        place: usize,
        view: View,
        theme: &Theme,
    ) -> Vec<Line<'static>> {
        let len = self.frame(conversation, view, theme).len(place);
        let laid = conversation.at(place).and_then(|message| self.laid.get(&message.id));
        laid.map(|laid| (0..len).filter_map(|i| laid.line(i).cloned()).collect()).unwrap_or_default()
    }

    fn frame<'a>(&'a mut self, conversation: &'a Conversation, view: View, theme: &'a Theme) -> Frame<'a> {
        if self.versions.until != conversation.next_id() {
            self.versions = Versions { until: conversation.next_id(), known: conversation.versions() };
        }
        let (versions, from, now) = (&self.versions.known, self.from, self.frames);
        Frame { laid: &mut self.laid, conversation, versions, view, theme, from, now }
    }

    /// Lays out what the next frame shows.
    pub fn prepare(&mut self, conversation: &Conversation, view: View, theme: &Theme) {
        self.frames += 1;
        self.height = view.height;
        let anchor = self.anchor;
        let moves = std::mem::take(&mut self.moves);
        let mut frame = self.frame(conversation, view, theme);
        let height = usize::from(view.height);
        let mut top = match anchor {
            Anchor::Follow => frame.top_of_end(height),
            Anchor::At { place, line } => frame.clamp((place, line)),
        };
        let mut follow = anchor == Anchor::Follow;
        for wish in moves {
            let page = i32::from(view.height.saturating_sub(2).max(1));
            top = match wish {
                Move::Lines(n) => frame.step(top, n),
                Move::Pages(n) => frame.step(top, n * page),
                Move::PreviousMessage if top.1 > 0 => (top.0, 0),
                Move::PreviousMessage => (top.0.saturating_sub(1), 0),
                Move::NextMessage => frame.clamp((top.0 + 1, 0)),
                Move::Top => (0, 0),
                Move::Bottom => frame.top_of_end(height),
            };
            // Who reaches the end follows it from there on.
            let end = frame.top_of_end(height);
            follow = top >= end;
            if follow {
                top = end;
            }
        }
        // A place that would leave the screen half empty is the end.
        let end = frame.top_of_end(height);
        if !follow && top >= end {
            top = end;
            follow = true;
        }
        let (visible, more_below) = frame.visible_from(top, height);
        self.anchor = if follow { Anchor::Follow } else { Anchor::At { place: top.0, line: top.1 } };
        (self.visible, self.more_below) = (visible, more_below);
        self.evict();
    }

    fn evict(&mut self) {
        if self.laid.len() > KEPT + self.visible.len() {
            let mut ages: Vec<u64> = self.laid.values().map(|l| l.used).collect();
            ages.sort_unstable();
            let oldest_kept = ages[ages.len() - KEPT / 2 - self.visible.len()];
            self.laid.retain(|_, l| l.used >= oldest_kept);
        }
    }

    /// The lines that `prepare` found visible, from the top.
    pub fn lines<'a>(&'a self, conversation: &'a Conversation) -> impl Iterator<Item = &'a Line<'static>> {
        self.visible.iter().flat_map(move |(place, range)| {
            let laid = conversation.at(*place).and_then(|m| self.laid.get(&m.id));
            range.clone().filter_map(move |i| laid.and_then(|l| l.line(i)))
        })
    }
}

impl Laid {
    fn line(&self, i: usize) -> Option<&Line<'static>> {
        if let Some(line) = self.head.get(i) {
            return Some(line);
        }
        let i = i - self.head.len();
        if i < self.body_len {
            return match &self.body {
                Body::Plain(lines) => lines.get(i),
                Body::Document(doc) => doc.rendered().get(i),
            };
        }
        self.foot.get(i - self.body_len)
    }
}

/// Everything that one `prepare` works with.
struct Frame<'a> {
    laid: &'a mut HashMap<MsgId, Laid>,
    conversation: &'a Conversation,
    versions: &'a HashMap<MsgId, Version>,
    view: View,
    theme: &'a Theme,
    from: usize,
    now: u64,
}

impl Frame<'_> {
    /// Lines of the message at a place, which is laid out if it is not.
    fn len(&mut self, place: usize) -> usize {
        let Some(message) = self.conversation.at(place) else { return 0 };
        let key = Key {
            revision: message.revision,
            width: self.view.width,
            theme: self.theme.revision,
            unfolded: self.view.unfolded,
            left_out: self.conversation.left_out().filter(|left_out| left_out.messages == place),
            version: self.versions.get(&message.id).copied(),
        };
        match self.laid.get_mut(&message.id) {
            Some(laid) if laid.key == key => {
                laid.used = self.now;
                laid.len()
            }
            old => {
                // The document of a growing answer goes on from where it was.
                let old = old.map(|laid| std::mem::replace(&mut laid.body, Body::Plain(Vec::new())));
                let laid = lay_out(message, old, key, self.theme, self.now);
                let len = laid.len();
                self.laid.insert(message.id, laid);
                len
            }
        }
    }

    fn clamp(&mut self, (place, line): (usize, usize)) -> (usize, usize) {
        let place = place.min(self.conversation.len().saturating_sub(1));
        (place, line.min(self.len(place).saturating_sub(1)))
    }

    /// The topmost line when the end is at the bottom of the screen.
    fn top_of_end(&mut self, height: usize) -> (usize, usize) {
        let mut left = height;
        for place in (self.from..self.conversation.len()).rev() {
            let len = self.len(place);
            if len >= left {
                return (place, len - left);
            }
            left -= len;
        }
        (self.from, 0)
    }

    /// A number of lines further down, or up.
    fn step(&mut self, (mut place, mut line): (usize, usize), by: i32) -> (usize, usize) {
        let mut left = usize::try_from(by.unsigned_abs()).unwrap_or(usize::MAX);
        if by < 0 {
            while left > line {
                let Some(above) = place.checked_sub(1) else { return (0, 0) };
                left -= line + 1;
                place = above;
                line = self.len(place).saturating_sub(1);
            }
            return (place, line - left);
        }
        loop {
            let len = self.len(place);
            if line + left < len {
                return (place, line + left);
            }
            if place + 1 >= self.conversation.len() {
                return (place, len.saturating_sub(1));
            }
            left -= len - line;
            place += 1;
            line = 0;
        }
    }

    fn visible_from(
        &mut self,
        (place, line): (usize, usize),
        height: usize,
    ) -> (Vec<(usize, std::ops::Range<usize>)>, bool) {
        let mut visible = Vec::new();
        let mut left = height;
        let mut from = line;
        for place in place..self.conversation.len() {
            let len = self.len(place);
            let until = len.min(from + left);
            left -= until.saturating_sub(from);
            let whole = until == len;
            visible.push((place, from..until));
            from = 0;
            if left == 0 {
                return (visible, !whole || place + 1 < self.conversation.len());
            }
        }
        (visible, false)
    }
}

fn lay_out(message: &Message, old: Option<Body>, key: Key, theme: &Theme, now: u64) -> Laid {
    let width = key.width.max(1);
    let mut head = key.left_out.map_or_else(Vec::new, |left_out| left_out_line(left_out, width, theme));
    head.push(speaker(message, key.version, theme));
    if !message.reasoning.is_empty() {
        head.extend(reasoning(message, key, theme));
    }
    let mut body = match message.role {
        Role::Assistant => {
            let mut doc = match old {
                // Content only grows, so what the document has is its beginning.
                Some(Body::Document(doc)) => doc,
                _ => Box::default(),
            };
            // An answer that is JSON through and through is shown as that.
            let fence = if message.is_json() { JSON_FENCE } else { "" };
            if doc.received() == 0 && !message.content.is_empty() {
                doc.push(fence);
            }
            let fed = doc.received().saturating_sub(fence.len());
            doc.push(message.content.get(fed..).unwrap_or_default());
            Body::Document(doc)
        }
        Role::User | Role::System => {
            let text = crate::text::sanitize(&message.content);
            let margin = [Span::raw("  ")];
            Body::Plain(wrap::wrap(&[Span::styled(text, theme.base)], usize::from(width), &margin, &margin))
        }
    };
    let body_len = match &mut body {
        Body::Plain(lines) => lines.len(),
        Body::Document(doc) => doc.lines(width, theme).len(),
    };
    let mut foot = Vec::new();
    if let MessageState::Failed(error) = &message.state {
        let mark = [Span::styled(format!("{} ", theme.glyphs.failed), theme.error)];
        let margin = [Span::raw("  ")];
        let message = Span::styled(error.message.as_str(), theme.error);
        foot.extend(wrap::wrap(&[message], usize::from(width), &mark, &margin));
        if let Some(hint) = &error.hint {
            foot.extend(wrap::wrap(&[Span::styled(hint.as_str(), theme.muted)], usize::from(width), &margin, &margin));
        }
    }
    if let Some(line) = statistics(message, theme) {
        // A narrow window is a short one, most of the time.
        if body_len > 0 && foot.is_empty() && width >= ROOMY {
            foot.push(Line::default());
        }
        foot.push(wrap::truncate(&line, usize::from(width), theme.glyphs.ellipsis));
    }
    foot.push(Line::default());
    Laid { key, head, body, foot, body_len, used: now }
}

/// Where what is sent begins.
fn left_out_line(left_out: LeftOut, width: u16, theme: &Theme) -> Vec<Line<'static>> {
    let LeftOut { messages, not_summarised } = left_out;
    let all =
        if messages == 1 { "1 earlier message is".to_owned() } else { format!("{messages} earlier messages are") };
    let text = match not_summarised {
        None => format!("{all} not sent"),
        Some(0) => format!("{all} sent as a summary only"),
        Some(1) => format!("{all} sent as a summary only, which leaves out the oldest"),
        Some(n) => format!("{all} sent as a summary only, which leaves out the oldest {n}"),
    };
    let undo = format!("{text} {} /{} sends all", theme.glyphs.dot, Action::SendAll.name());
    let room = usize::from(width);
    let text = if wrap::width(&undo) + 6 <= room { undo } else { text };
    let rule = theme.glyphs.rule;
    let rest = room.saturating_sub(wrap::width(&text) + 5);
    let line = Line::from(Span::styled(format!("{0}{0} {text} {1}", rule, rule.repeat(rest.min(40))), theme.warning));
    vec![wrap::truncate(&line, room, theme.glyphs.ellipsis), Line::default()]
}

fn speaker(message: &Message, version: Option<Version>, theme: &Theme) -> Line<'static> {
    let glyphs = &theme.glyphs;
    let mut line = match message.role {
        Role::User => Line::from(Span::styled(format!("{} you", glyphs.user), theme.user)),
        Role::System => Line::from(Span::styled("system", theme.muted)),
        Role::Assistant => {
            let name = message.model.as_deref().unwrap_or_default();
            Line::from(Span::styled(format!("{} {name}", glyphs.assistant).trim_end().to_owned(), theme.assistant))
        }
    };
    if let Some(Version { number, of }) = version {
        line.push_span(Span::styled(format!(" {} {number} of {of}", glyphs.dot), theme.muted));
    }
    line
}

/// What JSON needs around it to be shown as code; the end of the answer ends it.
const JSON_FENCE: &str = "```json\n";

/// Folded to one line, or whole.
fn reasoning(message: &Message, key: Key, theme: &Theme) -> Vec<Line<'static>> {
    let glyphs = &theme.glyphs;
    let words = message.reasoning.split_whitespace().count();
    let busy = message.state == MessageState::Streaming && message.content.is_empty();
    let title = if busy { "thinking" } else { "thought" };
    let time = message.thought.filter(|time| time.as_secs() > 0).map(|time| format!(" for {}", seconds(time)));
    let time = time.unwrap_or_default();
    let mark = if key.unfolded { glyphs.unfolded } else { glyphs.folded };
    let title = format!("{mark} {title}{time} {} {words} words", glyphs.dot);
    let mut lines = vec![Line::from(Span::styled(title, theme.muted))];
    if key.unfolded {
        let bar = [Span::styled(format!("{} ", glyphs.bar), theme.faint)];
        let text = crate::text::sanitize(message.reasoning.trim());
        lines.extend(wrap::wrap(&[Span::styled(text, theme.reasoning)], usize::from(key.width), &bar, &bar));
        lines.push(Line::default());
    }
    lines
}

/// One quiet line under an answer.
fn statistics(message: &Message, theme: &Theme) -> Option<Line<'static>> {
    let made = message.outcome.as_ref()?;
    if message.state == MessageState::Streaming {
        return None;
    }
    let dot = format!(" {} ", theme.glyphs.dot);
    let mut parts = Vec::new();
    if made.usage.completion_tokens > 0 {
        let plural = if made.usage.completion_tokens == 1 { "" } else { "s" };
        parts.push(format!("{} token{plural}", made.usage.completion_tokens));
    }
    if let Some(rate) = made.stats.decode_rate(&made.usage) {
        parts.push(format!("{rate:.1} tok/s"));
    }
    if let Some(first) = made.stats.first_token {
        parts.push(format!("first after {}", seconds(first)));
    }
    if let Some(rate) = made.stats.prefill_rate(&made.usage) {
        parts.push(format!("prefill {rate:.0} tok/s"));
    }
    let only_reasoned = !message.reasoning.is_empty() && message.content.trim().is_empty();
    let ended = match made.reason {
        FinishReason::Stop | FinishReason::Error => None,
        FinishReason::Length if only_reasoned => {
            Some("stopped at the token limit before the answer: all of it was reasoning")
        }
        FinishReason::Length => Some("stopped at the token limit"),
        FinishReason::Context => Some("stopped: the context is full"),
        FinishReason::Cancelled if message.leaves_its_question_out() => {
            Some("stopped by you before the first word; the next message goes without this one")
        }
        FinishReason::Cancelled => Some("stopped by you"),
        FinishReason::Timeout => Some("stopped: out of time"),
    };
    let mut spans = Vec::new();
    if let (Some(form), Some(satisfied)) = (&message.form, made.satisfied) {
        let name = crate::text::sanitize(&form.name);
        spans.push(if satisfied {
            Span::styled(format!("{} fits {name}", theme.glyphs.check), theme.good)
        } else {
            Span::styled(format!("{} does not fit {name}", theme.glyphs.failed), theme.warning)
        });
        if ended.is_some() || !parts.is_empty() {
            spans.push(Span::styled(dot.clone(), theme.faint));
        }
    }
    if let Some(ended) = ended {
        spans.push(Span::styled(ended, theme.warning));
        if !parts.is_empty() {
            spans.push(Span::styled(dot.clone(), theme.faint));
        }
    }
    spans.push(Span::styled(parts.join(&dot), theme.muted));
    (spans.len() > 1 || !parts.is_empty()).then(|| Line::from(spans))
}
