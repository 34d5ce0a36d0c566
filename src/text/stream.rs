//! An answer that is still being written, laid out.

use ratatui::text::Line;

use crate::config::theme::Theme;
use crate::text::markdown::{Edge, Look, Mark, Page, Region, next_line};
use crate::text::sanitize::Sanitizer;

/// A growing Markdown text and its lines.
///
/// What lies before the last top-level piece is laid out once; the piece that still grows is laid out again, at most once per call of
/// [`Self::lines`] and only when something came. An open code fence grows by its new lines alone, and what is very long is drawn part by
/// part: a token costs the same however long the answer is. Whatever the chunks that the text came in, after the last one the lines are
/// those of [`markdown::render`](crate::text::markdown::render).
#[derive(Debug, Default)]
pub struct StreamingDoc {
    source: String,
    /// Bytes pushed, before anything was removed.
    received: usize,
    sanitizer: Sanitizer,
    look: Look,
    layout: Option<Layout>,
}

#[derive(Debug)]
struct Layout {
    width: u16,
    /// The theme's revision.
    revision: u64,
    look: Look,
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
        self.received += text.len();
        self.sanitizer.push_to(text, &mut self.source);
    }

    /// Bytes pushed so far: what is to be pushed next of a text that grows begins there. (The source may be shorter.)
    #[must_use]
    pub fn received(&self) -> usize {
        self.received
    }

    /// The text is whole: an escape sequence that was begun and not ended is forgotten, so that a text that may follow is not taken for its end.
    pub fn finish(&mut self) {
        self.sanitizer = Sanitizer::new();
    }

    /// How code and tables look from the next call of [`Self::lines`] on.
    pub fn look(&mut self, look: Look) {
        self.look = look;
    }

    /// Everything pushed so far, sanitised.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The lines at a width and in a theme; either differing from the last call, all is laid out anew.
    pub fn lines(&mut self, width: u16, theme: &Theme) -> &[Line<'static>] {
        let is_valid =
            |layout: &Layout| layout.width == width && layout.revision == theme.revision && layout.look == self.look;
        let valid = self.layout.take().filter(is_valid);
        let layout = self.layout.insert(valid.unwrap_or_else(|| Layout {
            width,
            revision: theme.revision,
            look: self.look,
            page: Page::new(width, self.look),
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

    /// How each of those lines begins.
    #[must_use]
    pub fn edges(&self) -> &[Edge] {
        self.layout.as_ref().map(|layout| layout.page.edges()).unwrap_or_default()
    }

    /// What of those lines is code and tables, from the top.
    #[must_use]
    pub fn regions(&self) -> &[Region] {
        self.layout.as_ref().map(|layout| layout.page.regions()).unwrap_or_default()
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
        while let Some(end) = next_line(source, self.fed) {
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
