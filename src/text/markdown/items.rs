//! List items and footnotes while they grow: what is open in them, and where a long one can be cut.

use super::marks::{Fence, Marker, innermost, interrupts, is_heading, is_thematic_break, marker};

/// A list item or a footnote: what is indented belongs to it.
#[derive(Debug, Clone)]
pub(super) struct Container {
    /// `None` for a footnote.
    pub(super) marker: Option<Marker>,
    /// The number shown: counted from the list's first item.
    pub(super) number: Option<u64>,
    pub(super) content: usize,
    pub(super) blank: bool,
    /// Nothing but the marker so far.
    pub(super) empty: bool,
    pub(super) inside: Inside,
}

/// The rest of a long list item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rest {
    /// Columns that its lines are indented by in the source.
    pub(super) indent: usize,
    /// Columns that it hangs by where it is drawn.
    pub(super) hang: usize,
    /// No blank line stands before it.
    pub(super) joined: bool,
    /// The opening line of the fence that it goes on with.
    pub(super) fence: Option<String>,
    /// The number of the item that it begins with, where that is in a numbered list.
    pub(super) number: Option<u64>,
    /// Lists with bullets that it is in.
    pub(super) bullets: usize,
}

/// What is open in the depth of a container, as far as it matters to what stands outside: text goes on lazily only where a paragraph is.
#[derive(Debug, Clone, Default)]
pub(super) struct Inside {
    pub(super) paragraph: bool,
    /// There are items inside: what is indented may be theirs, and need not be code.
    nested: bool,
    /// The list that is right inside.
    list: Option<List>,
    /// An open fence, and the column that it began at.
    pub(super) fence: Option<(Fence, usize)>,
    /// Its opening line.
    opening: String,
}

/// A list in a container, by its last item.
#[derive(Debug, Clone)]
struct List {
    mark: u8,
    /// The number shown.
    number: Option<u64>,
    /// Where the item's text begins: what is indented less is none of it.
    content: usize,
}

impl List {
    /// Whether an item at a column is the next one of it.
    fn goes_on_with(&self, next: &Marker, column: usize) -> bool {
        column < self.content && self.mark == next.mark && self.number.is_some() == next.number.is_some()
    }

    fn next_number(&self) -> Option<u64> {
        self.number.map(|number| number.saturating_add(1))
    }
}

impl Container {
    /// What a long item is cut into at a line: only where the line stands by itself whatever was before, at the item's own edge, at an
    /// item of the list in it, or in the code of a fence.
    pub(super) fn rest(&self, indent: usize, rest: &str) -> Option<Rest> {
        let marker = self.marker.as_ref()?;
        // As it is drawn: a bullet, or the number that is shown, and a space.
        let hang = match (self.number, marker.number) {
            (Some(number), _) | (None, Some(number)) => number.to_string().len() + 2,
            (None, None) => 2,
        };
        let whole = Rest {
            indent: self.content,
            hang,
            joined: !self.blank,
            fence: None,
            number: None,
            bullets: usize::from(marker.number.is_none()),
        };
        if let Some((fence, column)) = &self.inside.fence {
            // What closes it must not be alone, nor what ends the inner item that it is in.
            let goes_on = !fence.is_closed_by(rest) && indent >= self.content + column;
            return goes_on.then(|| Rest {
                indent: self.content + column,
                hang: hang + column,
                joined: true,
                fence: Some(self.inside.opening.clone()),
                ..whole
            });
        }
        if !self.inside.nested {
            return (indent == self.content).then_some(whole);
        }
        let list = self.inside.list.as_ref()?;
        let next = item(rest).filter(|next| list.goes_on_with(next, indent - self.content))?;
        let number = next.number.and(list.next_number());
        Some(Rest { indent, number, ..whole })
    }
}

/// The mark of the item that a line begins.
fn item(text: &str) -> Option<Marker> {
    marker(text).filter(|_| !is_thematic_break(0, text))
}

impl Inside {
    /// After a container's first line.
    pub(super) fn begin(text: &str, indent: usize) -> Self {
        let mut inside = Self::default();
        inside.line(text.trim_start_matches([' ', '\t']), indent);
        inside
    }

    /// `indent`: columns beyond what the container takes.
    pub(super) fn line(&mut self, text: &str, indent: usize) {
        let inner = innermost(text);
        let code = indent >= 4 && !self.paragraph && !self.nested;
        let was_paragraph = std::mem::take(&mut self.paragraph);
        // A line further left ends the inner item that the fence is in.
        self.fence.take_if(|(_, column)| indent < *column && self.nested);
        if let Some((fence, _)) = &self.fence {
            if fence.is_closed_by(inner) {
                self.fence = None;
            }
            return;
        }
        self.nested |= marker(text).is_some();
        self.note_list(text, indent, was_paragraph);
        if let Some((fence, _)) = Fence::open(0, inner) {
            self.fence = Some((fence, indent));
            inner.clone_into(&mut self.opening);
        } else {
            self.paragraph = !(code || inner.is_empty() || is_heading(inner) || is_thematic_break(0, inner));
        }
    }

    /// Follows the list right inside. `lazy`: a paragraph is open, which text goes on with wherever it stands.
    fn note_list(&mut self, text: &str, column: usize, lazy: bool) {
        let is_inside = self.list.as_ref().is_some_and(|list| column >= list.content);
        if is_inside {
            return;
        }
        match item(text) {
            Some(next) => {
                let goes_on = self.list.as_ref().filter(|list| list.goes_on_with(&next, column));
                let number = goes_on.map_or(next.number, List::next_number);
                self.list = Some(List { mark: next.mark, number, content: column + next.content });
            }
            None if lazy && !interrupts(text, false) => {}
            None => self.list = None,
        }
    }
}
