//! Functions that make values.

use std::rc::Rc;

use vanus_types::event::timestamp;

use super::{
    super::{read, value::float_text},
    eval::{Env, Eval},
    node::{Native, Node},
    operators::{self, sort},
    paths,
    stop::{Flow, Stop},
    strings::{self, text},
    value::{J, number, told, whole},
};

impl<'p> Eval<'p> {
    /// Pushes what a function makes of `input`.
    pub(super) fn function(
        &self,
        native: Native,
        arguments: &'p [Node],
        env: &Env<'p>,
        input: &J,
        out: &mut dyn FnMut(J) -> Flow,
    ) -> Flow {
        match (native, arguments) {
            (Native::Range, [from, to, by]) => self.each(from, env, input, &mut |from| {
                self.each(to, env, input, &mut |to| {
                    self.each(by, env, input, &mut |by| self.range(&from, &to, &by, out))
                })
            }),
            (Native::Path, [inner]) => {
                for keys in self.paths(inner, env, input)? {
                    out(J::arr(keys)?)?;
                }
                Ok(())
            }
            (Native::SetPath, [path, new]) => self.each(path, env, input, &mut |path| {
                self.each(new, env, input, &mut |new| {
                    let keys = paths::keys(&path)?;
                    let set = paths::update(input.clone(), keys, self.budget, &mut |_| {
                        Ok(Some(new.clone()))
                    })?;
                    out(set.unwrap_or(J::Null))
                })
            }),
            (
                Native::SortBy | Native::GroupBy | Native::UniqueBy | Native::MinBy | Native::MaxBy,
                [key],
            ) => out(self.by_key(native, key, env, input)?),
            (_, []) => out(self.simple(native, input)?),
            (_, [argument]) => self.each(argument, env, input, &mut |argument| {
                out(self.with_one(native, input, &argument)?)
            }),
            (Native::Pow, [base, exponent]) => self.each(base, env, input, &mut |base| {
                self.each(exponent, env, input, &mut |exponent| match (
                    base.float(),
                    exponent.float(),
                ) {
                    (Some(base), Some(exponent)) => out(whole(base.powf(exponent))),
                    _ => Err(Stop::error("pow needs numbers")),
                })
            }),
            _ => Err(Stop::error("a function without a meaning")),
        }
    }

    fn range(&self, from: &J, to: &J, by: &J, out: &mut dyn FnMut(J) -> Flow) -> Flow {
        let (Some(end), Some(step)) = (to.float(), by.float()) else {
            return Err(Stop::error("range needs numbers"));
        };
        let mut at = from.clone();
        loop {
            let Some(now) = at.float() else {
                return Err(Stop::error("range needs numbers"));
            };
            let inside = (step > 0.0 && now < end) || (step < 0.0 && now > end);
            if !inside {
                return Ok(());
            }
            self.budget.pay(16)?;
            out(at.clone())?;
            at = operators::math(super::node::Math::Add, &at, by, self.budget)?;
        }
    }

    /// Functions of an array and a key of its items.
    fn by_key(&self, native: Native, key: &'p Node, env: &Env<'p>, input: &J) -> Result<J, Stop> {
        let J::Arr(list) = input else {
            return Err(Stop::error(format!("{} cannot be sorted", told(input))));
        };
        let mut keyed = Vec::with_capacity(list.items.len());
        for item in &list.items {
            self.budget.pay(48)?;
            keyed.push((J::arr(self.values(key, env, item)?)?, item.clone()));
        }
        let order = |a: &(J, J), b: &(J, J)| a.0.order(&b.0, self.budget);
        let sorted = sort(keyed, &order)?;
        if let Native::MinBy | Native::MaxBy = native {
            let found = match native {
                Native::MinBy => sorted.first(),
                _ => sorted.last(),
            };
            return Ok(found.map_or(J::Null, |(_, item)| item.clone()));
        }
        if native == Native::SortBy {
            return J::arr(sorted.into_iter().map(|(_, item)| item).collect());
        }
        let mut groups: Vec<(J, Vec<J>)> = Vec::new();
        for (key, item) in sorted {
            match groups.last_mut() {
                Some((last, items)) if last.order(&key, self.budget)?.is_eq() => items.push(item),
                _ => groups.push((key, vec![item])),
            }
        }
        let groups = groups.into_iter().map(|(_, items)| match native {
            Native::UniqueBy => Ok(items.into_iter().next().unwrap_or(J::Null)),
            _ => J::arr(items),
        });
        J::arr(groups.collect::<Result<_, _>>()?)
    }

    /// Functions without arguments.
    fn simple(&self, native: Native, input: &J) -> Result<J, Stop> {
        let budget = self.budget;
        Ok(match native {
            Native::Not => J::Bool(!input.is_true()),
            Native::Length => self.length(input)?,
            Native::Utf8ByteLength => int(text(input, "utf8bytelength")?.len()),
            Native::Keys | Native::KeysUnsorted => self.keys(native, input)?,
            Native::Floor | Native::Ceil | Native::Round | Native::Sqrt | Native::Abs => {
                number_function(native, input)?
            }
            Native::ToString => J::Str(input.text(budget)?),
            Native::ToNumber => match input {
                J::Int(_) | J::Float(_) => input.clone(),
                J::Str(text) => number(text.trim())
                    .ok_or_else(|| Stop::error(format!("{} is no number", told(input))))?,
                other => return Err(Stop::error(format!("{} is no number", told(other)))),
            },
            Native::Type => J::str(input.kind()),
            Native::Sort => match input {
                J::Arr(list) => {
                    budget.pay(16 * list.items.len())?;
                    J::arr(sort(list.items.clone(), &|a: &J, b: &J| {
                        a.order(b, budget)
                    })?)?
                }
                other => return Err(Stop::error(format!("{} cannot be sorted", told(other)))),
            },
            Native::Reverse => self.reverse(input)?,
            Native::AsciiDowncase => {
                J::str(self.paid(input, "ascii_downcase")?.to_ascii_lowercase())
            }
            Native::AsciiUpcase => J::str(self.paid(input, "ascii_upcase")?.to_ascii_uppercase()),
            Native::Trim => J::str(self.paid(input, "trim")?.trim()),
            Native::ToJson => J::str(input.json(budget)?),
            Native::FromJson => {
                let text = self.paid(input, "fromjson")?;
                let read =
                    read::read(&text).map_err(|error| Stop::error(format!("fromjson: {error}")))?;
                J::from_value(&read, budget)?
            }
            Native::Explode => {
                let text = self.paid(input, "explode")?;
                budget.pay(24 * text.len())?;
                J::arr(
                    text.chars()
                        .map(|c| J::Int(i64::from(u32::from(c))))
                        .collect(),
                )?
            }
            Native::Implode => implode(input)?,
            Native::Now => J::Float(self.now_ms as f64 / 1000.0),
            Native::ToDate | Native::FromDate => date_function(native, input)?,
            Native::Format(format) => J::str(strings::format(format, input, budget)?),
            Native::Infinite => J::Float(f64::INFINITY),
            Native::Nan => J::Float(f64::NAN),
            _ => return Err(Stop::error("a function without a meaning")),
        })
    }

    /// The text of a string, which is paid for.
    fn paid(&self, input: &J, what: &str) -> Result<Rc<str>, Stop> {
        let text = text(input, what)?;
        self.budget.pay(text.len())?;
        Ok(text)
    }

    fn length(&self, input: &J) -> Result<J, Stop> {
        Ok(match input {
            J::Null => J::Int(0),
            J::Str(text) => {
                self.budget.pay(text.len())?;
                int(text.chars().count())
            }
            J::Arr(list) => int(list.items.len()),
            J::Obj(map) => int(map.members.len()),
            J::Bool(_) => return Err(Stop::error("a boolean has no length")),
            J::Int(_) | J::Float(_) => number_function(Native::Abs, input)?,
        })
    }

    fn keys(&self, native: Native, input: &J) -> Result<J, Stop> {
        match input {
            J::Arr(list) => {
                self.budget.pay(16 * list.items.len())?;
                J::arr((0..list.items.len()).map(int).collect())
            }
            J::Obj(map) => {
                self.budget.pay(32 * map.members.len())?;
                let names = map.members.iter().map(|(name, _)| J::Str(Rc::clone(name)));
                let names = names.collect();
                match native {
                    Native::Keys => J::arr(sort(names, &|a: &J, b: &J| a.order(b, self.budget))?),
                    _ => J::arr(names),
                }
            }
            other => Err(Stop::error(format!("{} has no keys", told(other)))),
        }
    }

    fn reverse(&self, input: &J) -> Result<J, Stop> {
        match input {
            J::Null => J::arr(Vec::new()),
            J::Str(text) => {
                self.budget.pay(4 * text.len())?;
                Ok(J::str(text.chars().rev().collect::<String>()))
            }
            J::Arr(list) => {
                self.budget.pay(16 * list.items.len())?;
                J::arr(list.items.iter().rev().cloned().collect())
            }
            other => Err(Stop::error(format!("{} cannot be reversed", told(other)))),
        }
    }

    /// Functions with one argument, which is a value.
    fn with_one(&self, native: Native, input: &J, argument: &J) -> Result<J, Stop> {
        let budget = self.budget;
        Ok(match native {
            Native::Has => J::Bool(self.has(input, argument)?),
            Native::Contains => J::Bool(self.contains(input, argument)?),
            Native::Flatten => match (input, argument.float()) {
                (J::Arr(_), Some(depth)) if depth >= 0.0 => {
                    let mut items = Vec::new();
                    self.flatten(input, depth as u64, &mut items)?;
                    J::arr(items)?
                }
                _ => return Err(Stop::error("flatten needs an array and a depth")),
            },
            Native::LtrimStr | Native::RtrimStr => match (input, argument) {
                (J::Str(whole), J::Str(part)) => {
                    budget.pay(whole.len())?;
                    let trimmed = match native {
                        Native::LtrimStr => whole.strip_prefix(&**part),
                        _ => whole.strip_suffix(&**part),
                    };
                    trimmed.map_or(input.clone(), J::str)
                }
                _ => input.clone(),
            },
            Native::StartsWith => {
                J::Bool(text(input, "startswith")?.starts_with(&*text(argument, "startswith")?))
            }
            Native::EndsWith => {
                J::Bool(text(input, "endswith")?.ends_with(&*text(argument, "endswith")?))
            }
            Native::Split => {
                strings::split(&text(input, "split")?, &text(argument, "split")?, budget)?
            }
            Native::Join => self.join(input, &text(argument, "join")?)?,
            Native::IndexOf if matches!(input, J::Arr(_)) => self.index_of(input, argument)?,
            Native::IndexOf => {
                let (whole, part) = (self.paid(input, "index")?, text(argument, "index")?);
                let found = (!part.is_empty()).then(|| whole.find(&*part)).flatten();
                let before = found.and_then(|at| whole.get(..at));
                before.map_or(J::Null, |before| int(before.chars().count()))
            }
            Native::DelPaths => match argument {
                J::Arr(list) => paths::delete(input.clone(), &list.items, budget)?,
                other => {
                    return Err(Stop::error(format!(
                        "paths are an array, not {}",
                        told(other)
                    )));
                }
            },
            _ => return Err(Stop::error("a function without a meaning")),
        })
    }

    fn has(&self, input: &J, key: &J) -> Result<bool, Stop> {
        match (input, key) {
            (J::Obj(map), J::Str(name)) => {
                self.budget.pay(map.members.len() / 4)?;
                Ok(map.members.iter().any(|(taken, _)| taken == name))
            }
            (J::Arr(list), J::Int(number)) => {
                Ok(usize::try_from(*number).is_ok_and(|at| at < list.items.len()))
            }
            _ => {
                let (input, key) = (told(input), told(key));
                Err(Stop::error(format!("{input} cannot have {key}")))
            }
        }
    }

    /// The place of the first item that equals `wanted`.
    fn index_of(&self, input: &J, wanted: &J) -> Result<J, Stop> {
        if let J::Arr(list) = input {
            for (n, item) in list.items.iter().enumerate() {
                if item.order(wanted, self.budget)?.is_eq() {
                    return Ok(int(n));
                }
            }
        }
        Ok(J::Null)
    }

    fn join(&self, input: &J, separator: &str) -> Result<J, Stop> {
        let J::Arr(list) = input else {
            return Err(Stop::error(format!("{} cannot be joined", told(input))));
        };
        let mut joined = String::new();
        for (n, item) in list.items.iter().enumerate() {
            if n > 0 {
                self.budget.pay(separator.len())?;
                joined.push_str(separator);
            }
            match item {
                J::Null => {}
                J::Str(part) => {
                    self.budget.pay(part.len())?;
                    joined.push_str(part);
                }
                J::Int(number) => joined.push_str(&number.to_string()),
                J::Float(number) => joined.push_str(&float_text(*number)),
                J::Bool(value) => joined.push_str(&value.to_string()),
                other => return Err(Stop::error(format!("{} cannot be joined", told(other)))),
            }
            self.budget.pay(8)?;
        }
        Ok(J::str(joined))
    }

    /// Whether one value is in another, as `contains` has it. As deep as values nest.
    fn contains(&self, whole: &J, part: &J) -> Result<bool, Stop> {
        self.budget.pay(8)?;
        Ok(match (whole, part) {
            (J::Obj(whole), J::Obj(part)) => {
                for (name, part) in &part.members {
                    self.budget.pay(whole.members.len() / 4)?;
                    let found = whole.members.iter().find(|(taken, _)| taken == name);
                    match found {
                        Some((_, whole)) if self.contains(whole, part)? => {}
                        _ => return Ok(false),
                    }
                }
                true
            }
            (J::Arr(whole), J::Arr(part)) => {
                for part in &part.items {
                    let mut found = false;
                    for whole in &whole.items {
                        found =
                            found || (whole.kind() == part.kind() && self.contains(whole, part)?);
                    }
                    if !found {
                        return Ok(false);
                    }
                }
                true
            }
            (J::Str(whole), J::Str(part)) => {
                self.budget.pay(whole.len() + part.len())?;
                whole.contains(&**part)
            }
            (whole, part) if whole.kind() == part.kind() => whole.order(part, self.budget)?.is_eq(),
            (whole, part) => {
                let (whole, part) = (told(whole), told(part));
                return Err(Stop::error(format!("{whole} cannot contain {part}")));
            }
        })
    }

    fn flatten(&self, value: &J, depth: u64, items: &mut Vec<J>) -> Flow {
        let J::Arr(list) = value else {
            items.push(value.clone());
            return Ok(());
        };
        for item in &list.items {
            self.budget.pay(16)?;
            match item {
                J::Arr(_) if depth > 0 => self.flatten(item, depth - 1, items)?,
                other => items.push(other.clone()),
            }
        }
        Ok(())
    }
}

fn int(number: usize) -> J {
    J::Int(i64::try_from(number).unwrap_or(i64::MAX))
}

fn implode(input: &J) -> Result<J, Stop> {
    let J::Arr(list) = input else {
        return Err(Stop::error("implode needs an array of code points"));
    };
    let chars = list.items.iter().map(|item| match item {
        J::Int(code) => u32::try_from(*code).ok().and_then(char::from_u32),
        _ => None,
    });
    let text: Option<String> = chars.collect();
    text.map(J::str)
        .ok_or_else(|| Stop::error("implode needs an array of code points"))
}

fn number_function(native: Native, input: &J) -> Result<J, Stop> {
    let wrong = || Stop::error(format!("{} is no number", told(input)));
    let number = input.float().ok_or_else(wrong)?;
    Ok(match native {
        Native::Floor => whole(number.floor()),
        Native::Ceil => whole(number.ceil()),
        Native::Round => whole(number.round()),
        Native::Sqrt => whole(number.sqrt()),
        _ => match input {
            J::Int(number) => match number.checked_abs() {
                Some(size) => J::Int(size),
                None => J::Float(number.unsigned_abs() as f64),
            },
            _ => J::Float(number.abs()),
        },
    })
}

/// Seconds since 1970 as RFC 3339 text, and back.
fn date_function(native: Native, input: &J) -> Result<J, Stop> {
    if native == Native::FromDate {
        let time = timestamp::parse(&text(input, "fromdate")?);
        let time =
            time.ok_or_else(|| Stop::error(format!("{} is no RFC 3339 time", told(input))))?;
        return Ok(J::Int(time.0));
    }
    let wrong = || Stop::error(format!("{} is no number", told(input)));
    let seconds = input.float().ok_or_else(wrong)?.floor();
    let text = timestamp::format(seconds as i64, 0);
    Ok(J::str(
        text.ok_or_else(|| Stop::error("the time is out of range"))?,
    ))
}
