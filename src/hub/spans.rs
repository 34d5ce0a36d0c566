//! Which bytes of a file there are: pure.

use std::ops::Range;

/// Stretches of bytes, in order, with a gap between each two.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Spans(Vec<Range<u64>>);

impl Spans {
    pub fn add(&mut self, new: Range<u64>) {
        if new.is_empty() {
            return;
        }
        let from = self.0.partition_point(|span| span.end < new.start);
        let to = self.0.partition_point(|span| span.start <= new.end);
        let merged = match (self.0.get(from), to.checked_sub(1).and_then(|last| self.0.get(last))) {
            (Some(first), Some(last)) if from < to => new.start.min(first.start)..new.end.max(last.end),
            _ => new,
        };
        self.0.splice(from..to, [merged]);
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }

    pub fn iter(&self) -> impl Iterator<Item = &Range<u64>> {
        self.0.iter()
    }

    /// All of them together.
    pub fn bytes(&self) -> u64 {
        self.0.iter().map(|span| span.end - span.start).sum()
    }

    /// How far it goes from the beginning without a gap.
    pub fn prefix(&self) -> u64 {
        self.0.first().filter(|span| span.start == 0).map_or(0, |span| span.end)
    }

    /// The stretch that this byte is in.
    pub fn around(&self, byte: u64) -> Option<&Range<u64>> {
        let at = self.0.partition_point(|span| span.end <= byte);
        self.0.get(at).filter(|span| span.start <= byte)
    }

    /// What is not there of `wanted`.
    pub fn gaps(&self, wanted: Range<u64>) -> Vec<Range<u64>> {
        let mut gaps = Vec::new();
        let mut at = wanted.start;
        for span in self.0.iter().skip(self.0.partition_point(|span| span.end <= wanted.start)) {
            if span.start >= wanted.end {
                break;
            }
            if span.start > at {
                gaps.push(at..span.start);
            }
            at = at.max(span.end);
        }
        if at < wanted.end {
            gaps.push(at..wanted.end);
        }
        gaps
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_what_a_list_of_bytes_would_be(added in prop::collection::vec((0_u64..64, 0_u64..16), 0..20)) {
            let mut spans = Spans::default();
            let mut there = [false; 80];
            for (start, len) in added {
                spans.add(start..start + len);
                for byte in start..start + len {
                    there[usize::try_from(byte).expect("small")] = true;
                }
            }
            prop_assert_eq!(spans.bytes(), there.iter().filter(|there| **there).count() as u64);
            prop_assert_eq!(spans.prefix(), there.iter().take_while(|there| **there).count() as u64);
            let missing: Vec<u64> = spans.gaps(0..80).into_iter().flatten().collect();
            let expected: Vec<u64> = (0..80).filter(|byte| !there[usize::try_from(*byte).expect("small")]).collect();
            prop_assert_eq!(missing, expected);
            for byte in 0..80 {
                prop_assert_eq!(spans.around(byte).is_some(), there[usize::try_from(byte).expect("small")]);
            }
            for two in spans.0.windows(2) {
                prop_assert!(two[0].end < two[1].start, "{:?}", spans);
            }
        }
    }
}
