//! Which days a schedule names.

use jiff::civil::Date;

use super::{
    InvalidCron,
    field::{DAY, MONTH, WEEKDAY},
};

/// The fields of month, day of the month and day of the week.
///
/// If both kinds of day are restricted, a day need match one of them only, as in cron. A field
/// restricts unless it is `*` or `?`, or allows every value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Days {
    months: u64,
    of_month: Option<OfMonth>,
    of_week: Option<OfWeek>,
}

/// Days of the month, as bits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct OfMonth {
    days: u64,
    /// `L-n`: so many days before the last.
    before_last: u64,
    /// `nW`: the working day next to a day, in the same month.
    next_to: u64,
    /// `LW`: the last working day.
    last_working: bool,
}

/// Days of the week, as bits; Sunday is 0.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct OfWeek {
    days: u64,
    /// `d#n`: the days that come for the first time, the second, and so on in the month.
    nth: [u64; 5],
    /// `dL`: the last of the month.
    last: u64,
}

impl Days {
    pub(super) fn parse(of_month: &str, months: &str, of_week: &str) -> Result<Self, InvalidCron> {
        Ok(Self {
            months: MONTH.set(months)?,
            of_month: OfMonth::parse(of_month)?,
            of_week: OfWeek::parse(of_week)?,
        })
    }

    pub(super) fn has_month(&self, date: Date) -> bool {
        has(self.months, u64::from(date.month().unsigned_abs()))
    }

    pub(super) fn has(&self, date: Date) -> bool {
        let of_month = self.of_month.as_ref().map(|days| days.has(date));
        let of_week = self.of_week.as_ref().map(|days| days.has(date));
        self.has_month(date)
            && match (of_month, of_week) {
                (Some(month), Some(week)) => month || week,
                (Some(one), None) | (None, Some(one)) => one,
                (None, None) => true,
            }
    }
}

impl OfMonth {
    /// Nothing if every day is allowed.
    fn parse(text: &str) -> Result<Option<Self>, InvalidCron> {
        let mut days = Self::default();
        if text == "?" {
            return Ok(None);
        }
        for item in text.split(',') {
            let upper = item.to_ascii_uppercase();
            if upper == "L" {
                days.before_last |= 1;
            } else if upper == "LW" {
                days.last_working = true;
            } else if let Some(before) = upper.strip_prefix("L-") {
                let before = DAY.value(before).map_err(|_| DAY.wrong(item))?;
                if before > 30 {
                    return Err(DAY.wrong(item));
                }
                days.before_last |= 1 << before;
            } else if let Some(day) = upper.strip_suffix('W') {
                let day = DAY.value(day).map_err(|_| DAY.wrong(item))?;
                days.next_to |= 1 << day;
            } else {
                days.days |= DAY.item(item)?;
            }
        }
        Ok((days.days != DAY.set("*")?).then_some(days))
    }

    fn has(&self, date: Date) -> bool {
        let (day, last) = (day_of(date), days_in_month(date));
        let (working, weekday) = (is_working(date), weekday_of(date));
        let friday_before = |day: u64| weekday == 5 && has(self.next_to, day + 1);
        has(self.days, day)
            || has(self.before_last, last - day)
            || (working && has(self.next_to, day))
            // The working day before a Saturday, and behind a Sunday.
            || (friday_before(day) && day < last)
            || (weekday == 1 && day > 1 && has(self.next_to, day - 1))
            // A month that begins on Saturday, or ends on Sunday, has none on that side.
            || (weekday == 1 && day == 3 && has(self.next_to, 1))
            || (weekday == 5 && day + 2 == last && has(self.next_to, last))
            || (self.last_working && is_last_working(weekday, day, last))
    }
}

impl OfWeek {
    /// Nothing if every day is allowed.
    fn parse(text: &str) -> Result<Option<Self>, InvalidCron> {
        let mut days = Self::default();
        if text == "?" {
            return Ok(None);
        }
        for item in text.split(',') {
            let one = |day: &str| WEEKDAY.value(day).map_err(|_| WEEKDAY.wrong(item));
            if let Some((day, nth)) = item.split_once('#') {
                let bits = 1 << (one(day)? % 7);
                let nth = nth.parse::<usize>().ok().and_then(|nth| nth.checked_sub(1));
                let slot = nth.and_then(|nth| days.nth.get_mut(nth));
                *slot.ok_or_else(|| WEEKDAY.wrong(item))? |= bits;
            } else if let Some(day) = item.strip_suffix(['L', 'l']) {
                days.last |= 1 << (one(day)? % 7);
            } else {
                let bits = WEEKDAY.item(item)?;
                days.days |= (bits | bits >> 7) & 0x7F;
            }
        }
        Ok((days.days != 0x7F).then_some(days))
    }

    fn has(&self, date: Date) -> bool {
        let (day, weekday) = (day_of(date), weekday_of(date));
        let nth = usize::try_from((day - 1) / 7).unwrap_or(0);
        has(self.days, weekday)
            || self.nth.get(nth).is_some_and(|days| has(*days, weekday))
            || (has(self.last, weekday) && day + 7 > days_in_month(date))
    }
}

fn is_last_working(weekday: u64, day: u64, last: u64) -> bool {
    match weekday {
        1..=4 => day == last,
        5 => day + 2 >= last,
        _ => false,
    }
}

fn has(bits: u64, bit: u64) -> bool {
    bits >> bit & 1 == 1
}

fn is_working(date: Date) -> bool {
    (1..=5).contains(&weekday_of(date))
}

fn day_of(date: Date) -> u64 {
    u64::from(date.day().unsigned_abs())
}

fn days_in_month(date: Date) -> u64 {
    u64::from(date.days_in_month().unsigned_abs())
}

/// Sunday is 0.
fn weekday_of(date: Date) -> u64 {
    u64::from(date.weekday().to_sunday_zero_offset().unsigned_abs())
}
