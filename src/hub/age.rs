//! How long ago something was that the Hub gives a date of.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Since a moment like `2025-01-31T12:34:56.000Z`, in universal time; nothing for one that is still to come.
pub(super) fn since(date: &str, now: SystemTime) -> Option<Duration> {
    let (day, time) = date.strip_suffix('Z')?.split_once('T')?;
    let [year, month, day] = numbers(day, '-')?;
    let [hour, minute, second] = numbers(time.split('.').next()?, ':')?;
    let sane = (1970..10_000).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    if !sane || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    // Years that begin in March have their odd day at the end.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day - 1;
    let epoch = 719_468;
    let seconds = days.checked_sub(epoch)? * 86_400 + hour * 3_600 + minute * 60 + second;
    Some(now.duration_since(UNIX_EPOCH).ok()?.saturating_sub(Duration::from_secs(seconds)))
}

fn numbers(text: &str, between: char) -> Option<[u64; 3]> {
    let mut numbers = text.split(between).map(|number| number.parse().ok());
    let three = [numbers.next()??, numbers.next()??, numbers.next()??];
    numbers.next().is_none().then_some(three)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_as_the_hub_writes_them() {
        let now = UNIX_EPOCH + Duration::from_secs(1_740_873_600);
        let seconds = |date| since(date, now).map(|age| age.as_secs());
        assert_eq!(seconds("2025-03-02T00:00:00.000Z"), Some(0));
        assert_eq!(seconds("2025-03-01T23:59:59Z"), Some(1));
        assert_eq!(seconds("2025-02-28T00:00:00.000Z"), Some(2 * 86_400));
        assert_eq!(seconds("2024-02-29T12:00:00.000Z"), Some(366 * 86_400 + 43_200));
        assert_eq!(seconds("1970-01-01T00:00:00.000Z"), Some(1_740_873_600));
        assert_eq!(seconds("2031-01-01T00:00:00.000Z"), Some(0), "clocks differ");
        for odd in ["", "2025", "2025-13-01T00:00:00Z", "2025-01-01", "x-y-zT1:2:3Z", "1969-12-31T00:00:00Z"] {
            assert_eq!(seconds(odd), None, "{odd}");
        }
    }
}
