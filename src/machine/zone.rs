//! What the clock on this machine's wall is set to.

use chrono::{DateTime, Local, Offset as _, TimeZone as _};

use crate::domain::zone::Zone;

/// Nothing that is shown with its time is older: 2000.
const START: u64 = 946_684_800;
/// The interface may stay open for long.
const AHEAD: u64 = 2 * 366 * 86_400;

/// The time zone of this machine (or of `TZ`), for whatever has happened and will happen soon; `now` in seconds since 1970.
/// Universal time where it can't be told.
#[must_use]
pub fn zone(now: u64) -> Zone {
    Zone::between(START, now.saturating_add(AHEAD), |at| {
        let at = i64::try_from(at).ok().and_then(|at| DateTime::from_timestamp(at, 0));
        at.map_or(0, |at| Local.offset_from_utc_datetime(&at.naive_utc()).fix().local_minus_utc())
    })
}
