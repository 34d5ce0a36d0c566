//! An answer that is still being written, laid out.

use ratatui::text::Line;

use crate::config::theme::Theme;
use crate::text::markdown::{Mark, Page};
use crate::text::sanitize::Sanitizer;

/// A growing Markdown text and its lines.
///
/// What lies before the last top-level piece is laid out once; the piece that still grows is laid out again, at most once per call of
/// [`Self::lines`] and only when something came. An open code fence grows by its new lines alone. Whatever the pieces that the text came
/// in, after the last one the lines are those of [`markdown::render`](crate::text::markdown::render).
#[derive(Debug, Default)]
pub struct StreamingDoc {
    source: String,
    /// Bytes that came, of which the source need not have all.
    pushed: usize,
    sanitizer: Sanitizer,
    layout: Option<Layout>,
}

#[derive(Debug)]
struct Layout {
    width: u16,
    /// The theme's revision.
    revision: u64,
    page: Page,
    /// How much of the source is on the page for good: whole lines only, since a line's meaning may change until its end.
    fed: usize,
    /// The source's length when the page was drawn last.
    drawn: usize,
    /// Where the tail begins, to be taken back before the next one is drawn.
    settled: Option<Mark>,
}

impl StreamingDoc {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends what came. Nothing is parsed here.
    pub fn push(&mut self, text: &str) {
        self.sanitizer.push_to(text, &mut self.source);
        self.pushed += text.len();
    }

    /// How many bytes came so far.
    #[must_use]
    pub fn pushed(&self) -> usize {
        self.pushed
    }

    /// The text is whole: an escape sequence that was begun and not ended is forgotten, so that a text that may follow is not taken for its end.
    pub fn finish(&mut self) {
        self.sanitizer = Sanitizer::new();
    }

    /// Everything pushed so far, sanitised.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The lines at a width and in a theme; either differing from the last call, all is laid out anew.
    pub fn lines(&mut self, width: u16, theme: &Theme) -> &[Line<'static>] {
        let valid = self.layout.take().filter(|layout| layout.width == width && layout.revision == theme.revision);
        let layout = self.layout.insert(valid.unwrap_or_else(|| Layout {
            width,
            revision: theme.revision,
            page: Page::new(width),
            fed: 0,
            drawn: 0,
            settled: None,
        }));
        if layout.drawn != self.source.len() {
            layout.draw(&self.source, theme);
        }
        layout.page.lines()
    }

    /// The lines as [`StreamingDoc::lines`] gave them last.
    #[must_use]
    pub fn rendered(&self) -> &[Line<'static>] {
        self.layout.as_ref().map(|layout| layout.page.lines()).unwrap_or_default()
    }

    /// Bytes parsed and painted since the last new layout: what the tests for linear cost look at.
    #[doc(hidden)]
    #[must_use]
    pub fn work(&self) -> u64 {
        self.layout.as_ref().map_or(0, |layout| layout.page.work())
    }
}

impl Layout {
    fn draw(&mut self, source: &str, theme: &Theme) {
        if let Some(mark) = self.settled.take() {
            self.page.back_to(mark);
        }
        while let Some(length) = source[self.fed..].find('\n') {
            let end = self.fed + length + 1;
            self.page.line(source, self.fed..end, theme);
            self.fed = end;
        }
        self.settled = Some(self.page.mark());
        if self.fed < source.len() {
            self.page.line(source, self.fed..source.len(), theme);
        }
        self.page.finish(source, theme);
        self.drawn = source.len();
    }
}
