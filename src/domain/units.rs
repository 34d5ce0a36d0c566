//! Numbers as people say them: one home, so that every front end says the same.

use std::time::Duration;

/// A size, in the powers of ten that the Hub and the shops count in: three digits at the most are worth reading.
#[must_use]
pub fn bytes(count: u64) -> String {
    scaled(count, &[(1_000_000_000, " GB"), (1_000_000, " MB"), (1_000, " kB"), (1, " B")])
}

/// A large number of things: `134 million`, `8.1 billion`.
#[must_use]
pub fn count(number: u64) -> String {
    scaled(number, &[(1_000_000_000, " billion"), (1_000_000, " million"), (1_000, " thousand"), (1, "")])
}

fn scaled(number: u64, units: &[(u64, &str)]) -> String {
    let (unit, name) =
        units.iter().copied().find(|(unit, _)| number >= *unit).unwrap_or_else(|| units[units.len() - 1]);
    // What is counted one by one has no tenths.
    let tenths = u128::from(number) * 10 / u128::from(unit);
    if unit == 1 || tenths >= 100 {
        format!("{}{name}", tenths / 10)
    } else {
        format!("{}.{}{name}", tenths / 10, tenths % 10)
    }
}

/// A large number where there is room for four characters: `134M`, `8.1B`, `12k`.
#[must_use]
pub fn short(number: u64) -> String {
    scaled(number, &[(1_000_000_000, "B"), (1_000_000, "M"), (1_000, "k"), (1, "")])
}

/// How old something is where there is room for five characters: `3 h`, `12 d`, `5 mo`, `2 y`.
#[must_use]
pub fn age(age: Duration) -> String {
    let (number, unit) = match age.as_secs() {
        0..60 => return "now".to_owned(),
        s @ 60..3_600 => (s / 60, "min"),
        s @ 3_600..86_400 => (s / 3_600, "h"),
        s @ 86_400..5_184_000 => (s / 86_400, "d"),
        s @ 5_184_000..63_072_000 => (s / 2_592_000, "mo"),
        s => (s / 31_536_000, "y"),
    };
    format!("{number} {unit}")
}

/// A number that counts on to its last digit, as tokens do: `3,012`.
#[must_use]
pub fn grouped(number: impl Into<u64>) -> String {
    let digits = number.into().to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A time that is being measured: `0.31 s`, `12 s`, `2 min 05 s`.
#[must_use]
pub fn seconds(time: Duration) -> String {
    let s = time.as_secs_f64();
    if s < 10.0 {
        format!("{s:.2} s")
    } else if s < 60.0 {
        format!("{s:.0} s")
    } else {
        format!("{} min {:02} s", time.as_secs() / 60, time.as_secs() % 60)
    }
}

/// So many of a thing: `1 model`, `3,012 models`.
#[must_use]
pub fn many(number: usize, thing: &str) -> String {
    let digits = grouped(u64::try_from(number).unwrap_or(u64::MAX));
    format!("{digits} {thing}{}", if number == 1 { "" } else { "s" })
}

/// A speed: `7.3 tok/s`, `82 tok/s`.
#[must_use]
pub fn speed(tokens_per_second: f64) -> String {
    if tokens_per_second < 10.0 {
        format!("{tokens_per_second:.1} tok/s")
    } else {
        format!("{tokens_per_second:.0} tok/s")
    }
}

/// Reads a number of bytes as people write it: `5M`, `1.5 GB`, `800k`, `20000`; in powers of ten, as [`bytes`] shows them.
#[must_use]
pub fn parse_bytes(text: &str) -> Option<u64> {
    let text = text.trim().to_ascii_lowercase();
    let text = text.strip_suffix('b').unwrap_or(&text);
    let (number, unit) = match text.chars().last()? {
        'k' => (&text[..text.len() - 1], 1e3),
        'm' => (&text[..text.len() - 1], 1e6),
        'g' => (&text[..text.len() - 1], 1e9),
        _ => (text, 1.0),
    };
    let number: f64 = number.trim().parse().ok().filter(|number: &f64| number.is_finite())?;
    let bytes = whole(number * unit);
    (bytes > 0).then_some(bytes)
}

/// How long ago something was, as people say it: `just now`, `2 hours ago`, `3 days ago`.
#[must_use]
pub fn ago(age: Duration) -> String {
    let (number, unit) = match age.as_secs() {
        0..60 => return "just now".to_owned(),
        s @ 60..3_600 => (s / 60, "minute"),
        s @ 3_600..86_400 => (s / 3_600, "hour"),
        s @ 86_400..5_184_000 => (s / 86_400, "day"),
        s @ 5_184_000..63_072_000 => (s / 2_592_000, "month"),
        s => (s / 31_536_000, "year"),
    };
    format!("{number} {unit}{} ago", if number == 1 { "" } else { "s" })
}

/// A moment by its seconds since 1970, as the clocks of a place say that are so many seconds ahead of universal time:
/// `2025-01-31 12:34`.
#[must_use]
pub fn moment(at: u64, ahead: i32) -> String {
    let at = at.saturating_add_signed(ahead.into());
    let (year, month, day) = date(at / 86_400);
    let minutes = at % 86_400 / 60;
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02}", minutes / 60, minutes % 60)
}

/// The same for who reads it elsewhere: `2025-01-31 12:34 +01:00`.
#[must_use]
pub fn moment_with_zone(at: u64, ahead: i32) -> String {
    let sign = if ahead < 0 { '-' } else { '+' };
    let minutes = ahead.unsigned_abs() / 60;
    format!("{} {sign}{:02}:{:02}", moment(at, ahead), minutes / 60, minutes % 60)
}

/// Year, month and day of the month.
#[must_use]
pub fn date(days_since_1970: u64) -> (u64, u64, u64) {
    // Years that begin in March have their leap day at the end; 400 of them are always as long.
    let days = days_since_1970 + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month + 2) / 5 + 1;
    let (month, in_next_year) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (year + era * 400 + in_next_year, month, day_of_month)
}

/// `41 %`: all of it only where all of it is there.
#[must_use]
pub fn percent(done: u64, total: u64) -> String {
    let share = u128::from(done) * 100 / u128::from(total.max(1));
    format!("{} %", share.min(100))
}

/// How much of it is done, from 0 to 1.
#[must_use]
#[allow(clippy::cast_precision_loss, reason = "for a gauge, not for counting")]
pub fn share(done: u64, total: u64) -> f64 {
    if total == 0 { 0.0 } else { (done as f64 / total as f64).min(1.0) }
}

/// A speed in whole units.
#[must_use]
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "speeds are positive and far from the edge")]
pub fn whole(rate: f64) -> u64 {
    rate.max(0.0) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        for (text, bytes) in [("5M", 5_000_000), ("1.5 GB", 1_500_000_000), ("800kb", 800_000), (" 20000 ", 20_000)] {
            assert_eq!(parse_bytes(text), Some(bytes), "{text}");
        }
        for text in ["", "M", "b", "fast", "-5M", "0", "nan", "inf", "5T", "5Mi", "é"] {
            assert_eq!(parse_bytes(text), None, "{text}");
        }
    }

    #[test]
    fn days_have_their_dates() {
        for (day, expected) in [
            (0, (1970, 1, 1)),
            (58, (1970, 2, 28)),
            (59, (1970, 3, 1)),
            (11_016, (2000, 2, 29)),
            (11_017, (2000, 3, 1)),
            (19_722, (2023, 12, 31)),
            (19_723, (2024, 1, 1)),
            (47_540, (2100, 2, 28)),
            (47_541, (2100, 3, 1)),
        ] {
            assert_eq!(date(day), expected, "{day}");
        }
    }

    #[test]
    fn numbers_read_well() {
        let sizes = [
            (0, "0 B"),
            (999, "999 B"),
            (1_500, "1.5 kB"),
            (3_000_000, "3.0 MB"),
            (98_362_432, "98 MB"),
            (5_027_783_488, "5.0 GB"),
            (u64::MAX, "18446744073 GB"),
        ];
        for (number, text) in sizes {
            assert_eq!(bytes(number), text);
        }
        assert_eq!((count(134_515_008).as_str(), count(8_190_735_360).as_str()), ("134 million", "8.1 billion"));
        for (number, text) in [(0_u32, "0"), (999, "999"), (1000, "1,000"), (3_012, "3,012"), (1_048_576, "1,048,576")]
        {
            assert_eq!(grouped(number), text);
        }
        for (millis, text) in [(310, "0.31 s"), (12_300, "12 s"), (125_000, "2 min 05 s")] {
            assert_eq!(seconds(Duration::from_millis(millis)), text);
        }
        for (number, text) in [(0, "0 models"), (1, "1 model"), (3_012, "3,012 models")] {
            assert_eq!(many(number, "model"), text);
        }
        assert_eq!((speed(7.26).as_str(), speed(82.4).as_str()), ("7.3 tok/s", "82 tok/s"));
        for (age, text) in [
            (59, "just now"),
            (60, "1 minute ago"),
            (7_300, "2 hours ago"),
            (3 * 86_400, "3 days ago"),
            (70 * 86_400, "2 months ago"),
            (800 * 86_400, "2 years ago"),
        ] {
            assert_eq!(ago(Duration::from_secs(age)), text);
        }
        for (number, text) in [(7, "7"), (999, "999"), (1_234, "1.2k"), (134_515_008, "134M"), (8_190_735_360, "8.1B")]
        {
            assert_eq!(short(number), text);
        }
        for (seconds, text) in
            [(59, "now"), (90, "1 min"), (7_300, "2 h"), (12 * 86_400, "12 d"), (200 * 86_400, "6 mo")]
        {
            assert_eq!(super::age(Duration::from_secs(seconds)), text);
        }
        for (at, text) in [
            (0, "1970-01-01 00:00"),
            (951_827_640, "2000-02-29 12:34"),
            (1_735_689_599, "2024-12-31 23:59"),
            (1_740_787_200, "2025-03-01 00:00"),
        ] {
            assert_eq!(moment(at, 0), text);
        }
        assert_eq!(moment(1_735_689_599, 3600), "2025-01-01 00:59");
        assert_eq!(moment_with_zone(1_740_787_200, -12_600), "2025-02-28 20:30 -03:30");
        assert_eq!(moment_with_zone(0, -3600), "1970-01-01 00:00 -01:00", "there are no years before");
        assert!((share(1, 4) - 0.25).abs() < 1e-9 && share(1, 0) == 0.0);
    }
}
