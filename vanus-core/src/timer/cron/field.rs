//! One field of a schedule: which values it allows.

use super::InvalidCron;

/// What a field is about.
#[derive(Debug)]
pub(super) struct Kind {
    pub(super) name: &'static str,
    pub(super) least: u32,
    pub(super) most: u32,
    /// Names of values, three letters each, from the least on.
    names: &'static [&'static str],
    /// What an error says is right.
    allowed: &'static str,
}

pub(super) const SECOND: Kind = Kind {
    name: "second",
    least: 0,
    most: 59,
    names: &[],
    allowed: "0 to 59",
};

pub(super) const MINUTE: Kind = Kind {
    name: "minute",
    ..SECOND
};

pub(super) const HOUR: Kind = Kind {
    name: "hour",
    most: 23,
    allowed: "0 to 23",
    ..SECOND
};

pub(super) const DAY: Kind = Kind {
    name: "day of the month",
    least: 1,
    most: 31,
    names: &[],
    allowed: "1 to 31, L, L-1 to L-30, LW, or 1W to 31W",
};

pub(super) const MONTH: Kind = Kind {
    name: "month",
    least: 1,
    most: 12,
    names: &[
        "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
    ],
    allowed: "1 to 12 or JAN to DEC",
};

/// Sunday is 0 and 7.
pub(super) const WEEKDAY: Kind = Kind {
    name: "day of the week",
    least: 0,
    most: 7,
    names: &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"],
    allowed: "0 to 7 or SUN to SAT, with #1 to #5 or L behind it perhaps",
};

impl Kind {
    pub(super) fn wrong(&self, text: &str) -> InvalidCron {
        InvalidCron::Value {
            field: self.name,
            text: text.to_owned(),
            allowed: self.allowed,
        }
    }

    /// One value: a number or a name.
    pub(super) fn value(&self, text: &str) -> Result<u32, InvalidCron> {
        let is_named = |name: &&str| name.eq_ignore_ascii_case(text);
        if let Some(place) = self.names.iter().position(is_named) {
            return Ok(self.least + u32::try_from(place).unwrap_or(0));
        }
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        match text.parse() {
            Ok(value) if is_number && (self.least..=self.most).contains(&value) => Ok(value),
            _ => Err(self.wrong(text)),
        }
    }

    /// A list of values, ranges and steps, as bits.
    pub(super) fn set(&self, text: &str) -> Result<u64, InvalidCron> {
        text.split(',')
            .try_fold(0, |set, item| Ok(set | self.item(item)?))
    }

    /// One item of a list, as bits: `*`, `5`, `5-9`, each with `/2` behind it perhaps. `5/2` goes on
    /// to the end of the field.
    pub(super) fn item(&self, text: &str) -> Result<u64, InvalidCron> {
        let (range, step) = match text.split_once('/') {
            Some((range, step)) => (range, Some(self.step(text, step)?)),
            None => (text, None),
        };
        // Seven is Sunday too: a week of seven days ends before it.
        let end = if self.names.len() == 7 { 6 } else { self.most };
        let (first, last) = match range.split_once('-') {
            _ if range == "*" => (self.least, end),
            None => {
                let value = self.value(range)?;
                (
                    value,
                    if step.is_some() {
                        end.max(value)
                    } else {
                        value
                    },
                )
            }
            Some((first, last)) => match (self.value(first)?, self.value(last)?) {
                // A week may end with Sunday.
                (first, 0) if self.names.len() == 7 && first > 0 => (first, 7),
                ends => ends,
            },
        };
        if first > last {
            return Err(InvalidCron::Backwards {
                field: self.name,
                text: text.to_owned(),
            });
        }
        let values = (first..=last).step_by(step.unwrap_or(1));
        Ok(values.fold(0, |set, value| set | 1 << value))
    }

    fn step(&self, text: &str, step: &str) -> Result<usize, InvalidCron> {
        let most = self.most - self.least + 1;
        let is_number = !step.is_empty() && step.bytes().all(|byte| byte.is_ascii_digit());
        match step.parse() {
            Ok(number) if is_number && (1..=most as usize).contains(&number) => Ok(number),
            _ => Err(InvalidCron::Step {
                field: self.name,
                text: text.to_owned(),
                most,
            }),
        }
    }
}
