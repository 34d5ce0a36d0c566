//! What stands inside a block: text, emphasis, code, links. Collected as spans until the block is laid out.

use pulldown_cmark::{Event, Tag, TagEnd};
use ratatui::style::Style;
use ratatui::text::Span;

use super::formulas::{Formula, Part, Protected};
use super::marks::footnote_mark;
use crate::config::theme::Theme;
use crate::text::{sanitize, wrap};

pub(super) struct Inline<'t> {
    theme: &'t Theme,
    protected: &'t Protected<'t>,
    spans: Vec<Span<'static>>,
    /// The innermost style is the last; the first is the block's own.
    styles: Vec<Style>,
    links: Vec<Link>,
}

/// A link or an image that is open.
struct Link {
    address: String,
    /// What is shown for it so far.
    shown: String,
}

impl<'t> Inline<'t> {
    pub(super) fn new(protected: &'t Protected<'t>, theme: &'t Theme) -> Self {
        Self { theme, protected, spans: Vec::new(), styles: vec![Style::default()], links: Vec::new() }
    }

    /// Begins a block with this style under all its text.
    pub(super) fn begin(&mut self, style: Style) {
        self.spans.clear();
        self.links.clear();
        self.styles = vec![style];
    }

    /// The spans collected since [`Self::begin`].
    pub(super) fn take(&mut self) -> Vec<Span<'static>> {
        std::mem::take(&mut self.spans)
    }

    pub(super) fn event(&mut self, event: Event<'_>) {
        let theme = self.theme;
        match event {
            Event::Text(text) => {
                let protected = self.protected;
                protected.parts(&text).for_each(|part| self.part(&part));
            }
            Event::Code(code) => self.styled(&self.protected.restored(&code), theme.inline_code),
            Event::InlineHtml(tag) if is_line_break(&tag) => self.break_line(),
            Event::InlineHtml(tag) | Event::Html(tag) => self.styled(&self.protected.restored(&tag), theme.muted),
            Event::SoftBreak => self.text(" "),
            Event::HardBreak => self.break_line(),
            Event::FootnoteReference(label) => self.styled(&footnote_mark(&label), theme.link),
            Event::Start(Tag::Emphasis) => self.push(theme.emphasis),
            Event::Start(Tag::Strong) => self.push(theme.strong),
            Event::Start(Tag::Strikethrough) => self.push(theme.strikethrough),
            Event::Start(Tag::Link { dest_url, .. }) => self.open_link(&dest_url),
            Event::Start(Tag::Image { dest_url, .. }) => {
                self.open_link(&dest_url);
                self.styled("image: ", theme.muted);
            }
            Event::End(TagEnd::Emphasis | TagEnd::Strong | TagEnd::Strikethrough) => self.pop(),
            Event::End(TagEnd::Link | TagEnd::Image) => self.close_link(),
            _ => {}
        }
    }

    pub(super) fn part(&mut self, part: &Part<'_>) {
        match part {
            Part::Text(text) => self.text(text),
            Part::Formula(formula) => self.formula(formula),
        }
    }

    /// The style of what comes next.
    pub(super) fn style(&self) -> Style {
        self.styles.last().copied().unwrap_or_default()
    }

    fn push(&mut self, style: Style) {
        self.styles.push(self.style().patch(style));
    }

    fn pop(&mut self) {
        if self.styles.len() > 1 {
            self.styles.pop();
        }
    }

    fn text(&mut self, text: &str) {
        // The source is clean, but an entity may stand for any character.
        let text = sanitize(text).replace('\n', " ");
        if let Some(link) = self.links.last_mut() {
            link.shown.push_str(&text);
        }
        let style = self.style();
        wrap::append(&mut self.spans, &text, style);
    }

    /// A formula in the run of the text.
    fn formula(&mut self, formula: &Formula) {
        let set = if self.theme.glyphs.unicode { formula.inline() } else { None };
        self.styled(&set.unwrap_or_else(|| formula.written()), self.theme.math);
    }

    fn styled(&mut self, text: &str, style: Style) {
        self.push(style);
        self.text(text);
        self.pop();
    }

    fn break_line(&mut self) {
        let style = self.style();
        wrap::append(&mut self.spans, "\n", style);
    }

    fn open_link(&mut self, address: &str) {
        self.links.push(Link {
            address: sanitize(&self.protected.restored(address)).replace(['\n', '\t'], " "),
            shown: String::new(),
        });
        self.push(self.theme.link);
    }

    fn close_link(&mut self) {
        self.pop();
        let Some(link) = self.links.pop() else { return };
        if let Some(address) = address_shown(&link.address, &link.shown) {
            let space = if link.shown.is_empty() { "" } else { " " };
            self.styled(&format!("{space}({address})"), self.theme.muted);
        }
    }
}

/// What stands after the text of a link: its address, unless the text says as much already or it leads nowhere outside this text.
pub(super) fn address_shown<'a>(address: &'a str, shown: &str) -> Option<&'a str> {
    let bare = address.strip_prefix("mailto:").unwrap_or(address);
    let same = shown.trim_end_matches('/') == address.trim_end_matches('/') || shown == bare;
    (!bare.is_empty() && !bare.starts_with('#') && !same).then_some(bare)
}

fn is_line_break(tag: &str) -> bool {
    let name = tag.trim_start_matches('<').trim_end_matches('>').trim_end_matches('/').trim();
    name.eq_ignore_ascii_case("br")
}
