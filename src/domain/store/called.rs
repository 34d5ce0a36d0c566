//! Conversations by their titles, as somebody writes one from memory.

use super::ConvId;

/// Whom a title means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Called {
    One(ConvId),
    /// In the order in which they came.
    Several(Vec<ConvId>),
    Nobody,
}

/// The conversation whose title this is, else the one whose title begins like it; capitals do not count.
#[must_use]
pub fn called<'a>(title: &str, all: impl IntoIterator<Item = (ConvId, &'a str)>) -> Called {
    let wanted = title.trim().to_lowercase();
    if wanted.is_empty() {
        return Called::Nobody;
    }
    let (mut whole, mut begun) = (Vec::new(), Vec::new());
    for (id, title) in all {
        let title = title.trim().to_lowercase();
        if title == wanted {
            whole.push(id);
        } else if title.starts_with(&wanted) {
            begun.push(id);
        }
    }
    let mut fit = if whole.is_empty() { begun } else { whole };
    match fit.len() {
        0 => Called::Nobody,
        1 => Called::One(fit.remove(0)),
        _ => Called::Several(fit),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::store::ConvIds;

    #[test]
    fn a_whole_title_wins_and_a_beginning_is_enough() {
        let mut ids = ConvIds::seeded(3);
        let all: Vec<(ConvId, &str)> = ["Why is the sky blue?", "Why", "Why", "Über Brot", ""]
            .into_iter()
            .map(|title| (ids.make(), title))
            .collect();
        let called = |title: &str| super::called(title, all.iter().copied());
        assert_eq!(called("why is"), Called::One(all[0].0));
        assert_eq!(called("Why is the sky blue?"), Called::One(all[0].0));
        assert_eq!(called("WHY"), Called::Several(vec![all[1].0, all[2].0]), "and not the one that begins like it");
        assert_eq!(called("wh"), Called::Several(vec![all[0].0, all[1].0, all[2].0]));
        assert_eq!(called(" über "), Called::One(all[3].0));
        assert_eq!((called("sky"), called(""), called(" ")), (Called::Nobody, Called::Nobody, Called::Nobody));
    }
}
