//! The time zone of a place: what its clocks are set to, by the moment.

/// What a place's clocks are ahead of universal time, as far as anybody asked: pure code gets it from outside, where the
/// system is asked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Zone {
    /// Before the first change, in seconds.
    first: i32,
    /// From these moments on, in seconds since 1970; the earliest first.
    changes: Vec<(u64, i32)>,
}

/// No place has put its clocks forward and back within fewer seconds: fourteen days.
const STEP: u64 = 14 * 86_400;

impl Zone {
    /// Of a place where `offset` says by how many seconds its clocks are ahead at a moment, for what lies between two of them.
    #[must_use]
    pub fn between(start: u64, end: u64, offset: impl Fn(u64) -> i32) -> Self {
        let first = offset(start);
        let (mut changes, mut before, mut known) = (Vec::new(), start, first);
        while before < end {
            let after = (before + STEP).min(end);
            let next = offset(after);
            if next != known {
                changes.push((change(before, after, |at| offset(at) == known), next));
                known = next;
            }
            before = after;
        }
        Self { first, changes }
    }

    /// Seconds that the clocks are ahead of universal time at a moment.
    #[must_use]
    pub fn offset_at(&self, at: u64) -> i32 {
        let next = self.changes.partition_point(|(from, _)| *from <= at);
        next.checked_sub(1).map_or(self.first, |i| self.changes[i].1)
    }
}

/// The first moment after one of before that is no longer like it.
fn change(mut before: u64, mut after: u64, is_as_before: impl Fn(u64) -> bool) -> u64 {
    while after - before > 1 {
        let middle = before.midpoint(after);
        if is_as_before(middle) {
            before = middle;
        } else {
            after = middle;
        }
    }
    after
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2024-03-31 01:00 and 2024-10-27 01:00 in universal time.
    const SPRING: u64 = 1_711_846_800;
    const AUTUMN: u64 = 1_729_990_800;

    fn central_europe(at: u64) -> i32 {
        if (SPRING..AUTUMN).contains(&at) { 7200 } else { 3600 }
    }

    #[test]
    fn clocks_go_forward_and_back_on_the_second() {
        let zone = Zone::between(1_700_000_000, 1_740_000_000, central_europe);
        assert_eq!(zone.changes, [(SPRING, 7200), (AUTUMN, 3600)]);
        for at in [0, SPRING - 1, SPRING, AUTUMN - 1, AUTUMN, u64::MAX] {
            assert_eq!(zone.offset_at(at), central_europe(at), "{at}");
        }
    }

    #[test]
    fn universal_time_is_the_zone_of_nowhere() {
        assert_eq!(Zone::default().offset_at(7), 0);
        assert_eq!(Zone::between(0, 1_740_000_000, |_| 0), Zone::default());
        assert_eq!(Zone::between(9, 9, |_| -3600).offset_at(1), -3600);
    }
}
