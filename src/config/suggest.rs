//! What somebody probably meant.

/// The candidate nearest to `text`, if one is near enough to be worth a hint.
#[must_use]
pub fn nearest<'a>(text: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = text.to_lowercase();
    let bound = (wanted.chars().count() / 3).clamp(1, 4);
    candidates
        .into_iter()
        .map(|candidate| (distance(&wanted, &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= bound)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// As [`nearest`], for dotted keys: a key in the wrong table is found too.
pub(super) fn nearest_key<'a>(key: &str, candidates: &[&'a str]) -> Option<&'a str> {
    let leaf = |key: &str| key.rsplit('.').next().unwrap_or_default().to_lowercase();
    nearest(key, candidates.iter().copied())
        .or_else(|| candidates.iter().copied().find(|candidate| leaf(candidate) == leaf(key)))
}

/// Insertions, deletions, replacements and swapped neighbours between two words.
#[must_use]
pub fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replaced.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(before_last[j - 2] + 1);
            }
            row.push(best);
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        for (a, b, expected) in [("", "abc", 3), ("theme", "thme", 1), ("theme", "tehme", 1), ("kitten", "sitting", 3)]
        {
            assert_eq!(distance(a, b), expected, "{a} {b}");
            assert_eq!(distance(b, a), expected, "{b} {a}");
        }
    }

    #[test]
    fn only_what_is_near_is_suggested() {
        let keys = ["ui.theme", "ui.mouse", "sampling.temperature"];
        assert_eq!(nearest("ui.thme", keys), Some("ui.theme"));
        assert_eq!(nearest("UI.Theme", keys), Some("ui.theme"));
        assert_eq!(nearest("wholly.different", keys), None);
        assert_eq!(nearest_key("ui.temperature", &keys), Some("sampling.temperature"));
        assert_eq!(nearest_key("temperature", &keys), Some("sampling.temperature"));
    }
}
