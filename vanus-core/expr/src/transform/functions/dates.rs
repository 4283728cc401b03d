//! Dates and times: read, converted between time zones, written.

use std::borrow::Cow;

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use vanus_types::event::timestamp;

use super::{
    super::{
        action::Action,
        argument::{Argument, Source},
        error::{ActionFault, TransformerError, short},
        run::Run,
        value::Value,
    },
    Extra,
};

/// What is known of a function of dates before the event: constants.
#[derive(Debug, Clone)]
pub(in crate::transform) struct Dates {
    format: Option<Format>,
    /// Time zones, and at which arguments they stand.
    zones: Vec<(usize, TimeZone)>,
}

/// How a date and time is written.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Format {
    tokens: Box<[Token]>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    /// Four digits.
    Year,
    /// Two digits.
    YearOfCentury,
    Month,
    Day,
    Hour,
    /// 01 to 12.
    HourOfHalf,
    Minute,
    Second,
    Literal(char),
}

/// Letters as PHP has them: `Y-m-d H:i:s`.
const LETTERS: [(&str, Token); 8] = [
    ("Y", Token::Year),
    ("y", Token::YearOfCentury),
    ("m", Token::Month),
    ("d", Token::Day),
    ("H", Token::Hour),
    ("h", Token::HourOfHalf),
    ("i", Token::Minute),
    ("s", Token::Second),
];

/// Letters written as often as there are digits: `yyyy-mm-dd HH:MM:SS`.
const WORDS: [(&str, Token); 9] = [
    ("yyyy", Token::Year),
    ("yy", Token::YearOfCentury),
    ("mm", Token::Month),
    ("dd", Token::Day),
    ("HH", Token::Hour),
    ("hh", Token::HourOfHalf),
    ("MM", Token::Minute),
    ("SS", Token::Second),
    ("ss", Token::Second),
];

/// The reference time of Go: `2006-01-02 15:04:05`.
const EXAMPLE: [(&str, Token); 8] = [
    ("2006", Token::Year),
    ("06", Token::YearOfCentury),
    ("01", Token::Month),
    ("02", Token::Day),
    ("15", Token::Hour),
    ("03", Token::HourOfHalf),
    ("04", Token::Minute),
    ("05", Token::Second),
];

impl Format {
    /// Reads a format in any of the three notations; a backslash makes the character after it
    /// itself.
    fn read(text: &str) -> Self {
        let table: &[(&str, Token)] = if text.contains("2006") || text.contains("15:04") {
            &EXAMPLE
        } else if ["yy", "dd", "mm", "HH"]
            .iter()
            .any(|word| text.contains(word))
        {
            &WORDS
        } else {
            &LETTERS
        };
        let mut tokens = Vec::new();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let known = table.iter().find(|(written, _)| rest.starts_with(written));
            if let Some((written, token)) = known {
                tokens.push(*token);
                rest = rest.get(written.len()..).unwrap_or_default();
                continue;
            }
            let mut chars = rest.chars();
            chars.next();
            let literal = match first {
                '\\' => chars.next().unwrap_or('\\'),
                other => other,
            };
            tokens.push(Token::Literal(literal));
            rest = chars.as_str();
        }
        let tokens = tokens.into();
        Self { tokens }
    }

    fn write(&self, at: DateTime) -> String {
        use std::fmt::Write as _;
        let mut text = String::with_capacity(2 * self.tokens.len());
        for token in &self.tokens {
            let (year, hour) = (i32::from(at.year()), at.hour());
            // Writing to a string cannot fail.
            let _ = match token {
                Token::Year => write!(text, "{year:04}"),
                Token::YearOfCentury => write!(text, "{:02}", year.rem_euclid(100)),
                Token::Month => write!(text, "{:02}", at.month()),
                Token::Day => write!(text, "{:02}", at.day()),
                Token::Hour => write!(text, "{hour:02}"),
                Token::HourOfHalf => write!(text, "{:02}", (hour + 11) % 12 + 1),
                Token::Minute => write!(text, "{:02}", at.minute()),
                Token::Second => write!(text, "{:02}", at.second()),
                Token::Literal(c) => {
                    text.push(*c);
                    Ok(())
                }
            };
        }
        text
    }

    /// Reads a date and time that is written so; what the format leaves out is the beginning.
    fn parse(&self, text: &str) -> Option<DateTime> {
        let (mut year, mut month, mut day) = (1970, 1, 1);
        let (mut hour, mut minute, mut second) = (0, 0, 0);
        let mut rest = text;
        for token in &self.tokens {
            if let Token::Literal(c) = token {
                rest = rest.strip_prefix(*c)?;
                continue;
            }
            let width = if *token == Token::Year { 4 } else { 2 };
            let (digits, after) = rest.split_at_checked(width)?;
            if !digits.bytes().all(|b| b.is_ascii_digit()) {
                return None;
            }
            let number: i16 = digits.parse().ok()?;
            let small = i8::try_from(number);
            match token {
                Token::Year => year = number,
                // As Go has it: 69 to 99 are of the last century.
                Token::YearOfCentury if number >= 69 => year = 1900 + number,
                Token::YearOfCentury => year = 2000 + number,
                Token::Month => month = small.ok()?,
                Token::Day => day = small.ok()?,
                Token::Hour | Token::HourOfHalf => hour = small.ok()?,
                Token::Minute => minute = small.ok()?,
                Token::Second => second = small.ok()?,
                Token::Literal(_) => {}
            }
            rest = after;
        }
        if !rest.is_empty() {
            return None;
        }
        DateTime::new(year, month, day, hour, minute, second, 0).ok()
    }
}

/// Compiles the constants among a format at argument `format` and time zones at others.
fn prepare(
    arguments: &[Argument],
    at: &str,
    format: usize,
    zones: &[usize],
) -> Result<Dates, TransformerError> {
    let constant = |n: usize| match arguments.get(n).map(|argument| &argument.source) {
        Some(Source::Constant(value)) => Some(value),
        _ => None,
    };
    let mut known = Vec::new();
    for n in zones.iter().copied() {
        let Some(value) = constant(n) else { continue };
        let found = match value {
            Value::String(name) => zone(name),
            other => Err(ActionFault::value(format!(
                "a time zone is a string such as \"Europe/Lisbon\", not {}",
                other.kind()
            ))),
        };
        let zone = found.map_err(|fault| TransformerError::Argument {
            at: format!("{at}[{}]", n + 1),
            what: fault.to_string(),
        })?;
        known.push((n, zone));
    }
    let format = match constant(format) {
        Some(Value::String(text)) => Some(Format::read(text)),
        _ => None,
    };
    Ok(Dates {
        format,
        zones: known,
    })
}

pub(super) fn prepare_format(arguments: &[Argument], at: &str) -> Result<Extra, TransformerError> {
    let dates = prepare(arguments, at, 1, &[2])?;
    Ok(Extra::Dates(Box::new(dates)))
}

pub(super) fn prepare_convert(arguments: &[Argument], at: &str) -> Result<Extra, TransformerError> {
    let mut dates = prepare(arguments, at, 3, &[1, 2])?;
    if arguments.len() < 4 {
        dates.format = Some(Format::read("Y-m-d H:i:s"));
    }
    Ok(Extra::Dates(Box::new(dates)))
}

/// The time zone of this name; no name is UTC.
fn zone(name: &str) -> Result<TimeZone, ActionFault> {
    match name.trim() {
        "" | "UTC" => Ok(TimeZone::UTC),
        name => jiff::tz::db().get(name).map_err(|_| {
            let name = short(name);
            ActionFault::value(format!(
                "there is no time zone \"{name}\"; write it such as \"Europe/Lisbon\""
            ))
        }),
    }
}

/// The format at argument `n`.
fn format_at<'a>(
    run: &Run<'a>,
    action: &'a Action,
    n: usize,
) -> Result<Cow<'a, Format>, ActionFault> {
    if let Extra::Dates(dates) = &action.extra
        && let Some(format) = &dates.format
    {
        return Ok(Cow::Borrowed(format));
    }
    Ok(Cow::Owned(Format::read(&run.text(action, n)?)))
}

/// The time zone at argument `n`, UTC if it is not given.
fn zone_at<'a>(run: &Run<'a>, action: &'a Action, n: usize) -> Result<TimeZone, ActionFault> {
    if let Extra::Dates(dates) = &action.extra
        && let Some((_, zone)) = dates.zones.iter().find(|(at, _)| *at == n)
    {
        return Ok(zone.clone());
    }
    match action.arguments.get(n) {
        None => Ok(TimeZone::UTC),
        Some(_) => zone(&run.text(action, n)?),
    }
}

/// Sets the first argument to a point in time, as arguments 1 and 2 say.
fn put<'a>(run: &mut Run<'a>, action: &'a Action, seconds: i64) -> Result<(), ActionFault> {
    run.budget.pay(200)?;
    let time = Timestamp::from_second(seconds).map_err(|_| out_of_range())?;
    let zone = zone_at(run, action, 2)?;
    let text = format_at(run, action, 1)?.write(time.to_zoned_datetime(zone).datetime());
    run.set_text(action, 0, text)
}

fn out_of_range() -> ActionFault {
    ActionFault::value("the time is out of range")
}

pub(super) fn date_format<'a>(run: &mut Run<'a>, action: &'a Action) -> Result<(), ActionFault> {
    let seconds = {
        let text = run.text(action, 0)?;
        let time = timestamp::parse(&text).ok_or_else(|| {
            let text = short(&text);
            ActionFault::value(format!("\"{text}\" is no RFC 3339 date and time"))
        })?;
        time.0
    };
    put(run, action, seconds)
}

pub(super) fn unix_time_format<'a>(
    run: &mut Run<'a>,
    action: &'a Action,
) -> Result<(), ActionFault> {
    let seconds = run.integer(action, 0)?;
    put(run, action, seconds)
}

pub(super) fn convert_timezone<'a>(
    run: &mut Run<'a>,
    action: &'a Action,
) -> Result<(), ActionFault> {
    run.budget.pay(300)?;
    let format = format_at(run, action, 3)?;
    let (from, to) = (zone_at(run, action, 1)?, zone_at(run, action, 2)?);
    let text = {
        let text = run.text(action, 0)?;
        let time = format.parse(&text).ok_or_else(|| {
            let text = short(&text);
            ActionFault::value(format!("\"{text}\" is not written in the format"))
        })?;
        let time = from.to_zoned_datetime(time).map_err(|_| out_of_range())?;
        format.write(time.timestamp().to_zoned_datetime(to).datetime())
    };
    run.set_text(action, 0, text)
}

pub(super) fn now<'a>(run: &mut Run<'a>, action: &'a Action) -> Result<(), ActionFault> {
    if action.arguments.len() > 1 {
        let seconds = run.now_ms.div_euclid(1000);
        return put(run, action, seconds);
    }
    let text = timestamp::format_ms(run.now_ms);
    run.set_text(action, 0, text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(year: i16, month: i8, day: i8, hour: i8, minute: i8, second: i8) -> DateTime {
        DateTime::new(year, month, day, hour, minute, second, 0).unwrap()
    }

    #[test]
    fn the_three_notations_mean_the_same() {
        let at = at(2021, 8, 9, 15, 4, 7);
        for format in ["Y-m-d H:i:s", "yyyy-mm-dd HH:MM:SS", "2006-01-02 15:04:05"] {
            let format = Format::read(format);
            assert_eq!(format.write(at), "2021-08-09 15:04:07");
            assert_eq!(format.parse("2021-08-09 15:04:07"), Some(at));
        }
        assert_eq!(Format::read("d/m/y h\\h i").write(at), "09/08/21 03h 04");
        assert_eq!(Format::read("h").write(self::at(1970, 1, 1, 0, 0, 0)), "12");
        assert_eq!(Format::read("y").parse("69").unwrap().year(), 1969);
        assert_eq!(Format::read("y").parse("68").unwrap().year(), 2068);
        for wrong in [
            "2021-8-09 15:04:07",
            "2021-02-30 15:04:07",
            "2021-08-09 15:04:07 ",
        ] {
            assert_eq!(Format::read("Y-m-d H:i:s").parse(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn no_format_and_no_text_make_it_panic(format in ".{0,20}", text in ".{0,20}") {
            let format = Format::read(&format);
            format.write(at(1970, 1, 1, 0, 0, 0));
            format.parse(&text);
        }
    }
}
