//! Schedules on the calendar, without zones.

use jiff::civil::{Date, DateTime, Time, date};

use super::{
    InvalidCron,
    days::Days,
    field::{HOUR, MINUTE, SECOND},
};

/// Years in which every day of the week has met every day of the year, 29 February too, if there is
/// a day that does.
const SEARCHED_YEARS: i16 = 50;

/// All hours.
const EVERY_HOUR: u64 = (1 << 24) - 1;

/// The fields of a schedule, as bits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern {
    seconds: u64,
    minutes: u64,
    hours: u64,
    days: Days,
}

impl Pattern {
    pub(super) fn parse(fields: &[&str]) -> Result<Self, InvalidCron> {
        let (second, rest) = match fields {
            [second, rest @ ..] if rest.len() == 5 => (*second, rest),
            rest => ("0", rest),
        };
        let [minute, hour, day, month, weekday] = rest else {
            return Err(InvalidCron::Fields(fields.len()));
        };
        let pattern = Self {
            seconds: SECOND.set(second)?,
            minutes: MINUTE.set(minute)?,
            hours: HOUR.set(hour)?,
            days: Days::parse(day, month, weekday)?,
        };
        match pattern.next_day(date(2000, 1, 1)) {
            Some(_) => Ok(pattern),
            None => Err(InvalidCron::Never(fields.join(" "))),
        }
    }

    /// Whether it goes by the time that passes instead of the hours of the day.
    pub(super) const fn has_every_hour(&self) -> bool {
        self.hours == EVERY_HOUR
    }

    /// The first date and time that matches, from `from` on.
    pub(super) fn next(&self, from: DateTime) -> Option<DateTime> {
        if self.days.has(from.date())
            && let Some(time) = self.next_time(from.time())
        {
            return Some(from.date().to_datetime(time));
        }
        let day = self.next_day(from.date().tomorrow().ok()?)?;
        Some(day.to_datetime(self.next_time(Time::midnight())?))
    }

    /// The first day that matches, from `day` on.
    fn next_day(&self, mut day: Date) -> Option<Date> {
        let end = day.year().saturating_add(SEARCHED_YEARS);
        while day.year() <= end {
            if !self.days.has_month(day) {
                day = day.last_of_month().tomorrow().ok()?;
            } else if self.days.has(day) {
                return Some(day);
            } else {
                day = day.tomorrow().ok()?;
            }
        }
        None
    }

    /// The first time of a day that matches, from `from` on.
    fn next_time(&self, from: Time) -> Option<Time> {
        let [hour, minute, second] =
            [from.hour(), from.minute(), from.second()].map(|part| u32::from(part.unsigned_abs()));
        let (first_minute, first_second) = (next_bit(self.minutes, 0)?, next_bit(self.seconds, 0)?);
        let time = if next_bit(self.hours, hour)? != hour {
            (next_bit(self.hours, hour)?, first_minute, first_second)
        } else if let Some(second) = next_bit(self.seconds, second)
            .filter(|_| next_bit(self.minutes, minute) == Some(minute))
        {
            (hour, minute, second)
        } else if let Some(minute) = next_bit(self.minutes, minute + 1) {
            (hour, minute, first_second)
        } else {
            (next_bit(self.hours, hour + 1)?, first_minute, first_second)
        };
        let (hour, minute, second) = time;
        let part = |part: u32| i8::try_from(part).ok();
        Time::new(part(hour)?, part(minute)?, part(second)?, 0).ok()
    }
}

/// The first bit that is set, from `from` on.
fn next_bit(bits: u64, from: u32) -> Option<u32> {
    let rest = bits.checked_shr(from)?;
    (rest != 0).then(|| from + rest.trailing_zeros())
}
