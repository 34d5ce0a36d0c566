//! What is being written and waits to be sent, with what of it stands folded on the screen.

use serde::{Deserialize, Serialize};

/// A text as it would be sent, and which parts of it somebody sees as one piece.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Draft {
    pub text: String,
    /// In the order in which they stand. `None` where nobody knows: then it is for who shows the text to say.
    pub folds: Option<Vec<Fold>>,
}

/// A part that stands folded: where it begins and ends, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fold {
    pub start: usize,
    pub end: usize,
    pub kind: FoldKind,
}

/// What it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FoldKind {
    /// A long text from the clipboard.
    Pasted,
    /// A long text from elsewhere.
    Text,
    /// The name of a file that goes along.
    File,
}

impl Draft {
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// The text in parts, each with what it is folded as. `None` where the folds are not known or not those of this text.
    #[must_use]
    pub fn parts(&self) -> Option<Vec<(&str, Option<FoldKind>)>> {
        let mut parts = Vec::new();
        let mut at = 0;
        for fold in self.folds.as_ref()? {
            parts.push((self.text.get(at..fold.start)?, None));
            parts.push((self.text.get(fold.start..fold.end)?, Some(fold.kind)));
            at = fold.end;
        }
        parts.push((self.text.get(at..)?, None));
        parts.retain(|(part, _)| !part.is_empty());
        Some(parts)
    }
}

impl From<&str> for Draft {
    fn from(text: &str) -> Self {
        Self::from(text.to_owned())
    }
}

impl From<String> for Draft {
    fn from(text: String) -> Self {
        Self { text, folds: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(text: &str, folds: &[(usize, usize)]) -> Draft {
        let fold = |(start, end): &(usize, usize)| Fold { start: *start, end: *end, kind: FoldKind::Pasted };
        Draft { text: text.into(), folds: Some(folds.iter().map(fold).collect()) }
    }

    #[test]
    fn a_text_comes_apart_where_it_is_folded() {
        let pasted = Some(FoldKind::Pasted);
        assert_eq!(
            draft("see one, two", &[(4, 7), (9, 12)]).parts(),
            Some(vec![("see ", None), ("one", pasted), (", ", None), ("two", pasted),])
        );
        assert_eq!(draft("plain", &[]).parts(), Some(vec![("plain", None)]));
        assert_eq!(draft("", &[]).parts(), Some(vec![]));
    }

    #[test]
    fn folds_of_another_text_are_none() {
        for folds in [&[(0, 9)][..], &[(3, 2)], &[(2, 4), (1, 3)], &[(0, 1)]] {
            assert_eq!(draft("éa b", folds).parts(), None, "{folds:?}");
        }
        assert_eq!(Draft::from("unknown").parts(), None);
    }
}
