//! What stands between angle brackets.

use std::collections::BTreeMap;

use super::{
    super::{
        argument::{self, Source},
        document::{Document, Look},
        path::Path,
    },
    Mistake,
};
use crate::budget::{Budget, Exhausted};

/// A value that a template asks for.
#[derive(Debug, Clone)]
pub(in crate::transform) enum Reference {
    Place(Source),
    /// A define; nothing if none has this name.
    Define(Option<usize>),
}

impl Reference {
    /// Reads a reference from `at`, which is behind `<`; answers also where it ends, behind `>`.
    /// Within a string of JSON, quotes in it may be escaped.
    pub(super) fn read(
        template: &str,
        at: usize,
        defines: &BTreeMap<&str, usize>,
        in_string: bool,
    ) -> Result<(Self, usize), Mistake> {
        let rest = template.get(at..).unwrap_or_default();
        let Some(path) = rest.strip_prefix('$') else {
            return define(rest, at, defines);
        };
        let read = |path: &str| {
            let (path, rest) = Path::read_prefix(path).map_err(|mistake| Mistake {
                at: at + 1 + mistake.at,
                what: format!("{} in the path", mistake.what),
            })?;
            let used = rest.len();
            match rest.starts_with('>') {
                true => Ok((path, used)),
                false => Err(Mistake {
                    at,
                    what: "a dot, a bracket or > is expected behind the path".to_owned(),
                }),
            }
        };
        let (path, end) = match read(path) {
            Ok((path, left)) => (path, template.len() - left + 1),
            Err(mistake) => {
                let written = path.split_once('>').filter(|_| in_string);
                let Some((escaped, _)) = written.filter(|(text, _)| text.contains("\\\"")) else {
                    return Err(mistake);
                };
                let plain = escaped.replace("\\\"", "\"") + ">";
                (read(&plain)?.0, at + 1 + escaped.len() + 1)
            }
        };
        Ok((Self::Place(place(&path, at)?), end))
    }

    pub(super) const fn is_define(&self) -> bool {
        matches!(self, Self::Define(_))
    }

    /// Its value, which may be null.
    pub(super) fn look<'v, 'a>(
        &'v self,
        document: &'v Document<'a>,
        budget: &Budget,
    ) -> Result<Option<Look<'v, 'a>>, Exhausted> {
        budget.pay(8)?;
        match self {
            Self::Place(source) => document.look_null(source, budget),
            Self::Define(None) => Ok(None),
            Self::Define(Some(number)) => {
                let value = document.defines.get(*number).and_then(Option::as_ref);
                Ok(value.map(Look::There))
            }
        }
    }
}

/// A define: a name up to `>`.
fn define(
    rest: &str,
    at: usize,
    defines: &BTreeMap<&str, usize>,
) -> Result<(Reference, usize), Mistake> {
    let mistake = || Mistake {
        at,
        what: "the name of a define, or $. and a place, and > are expected; write \\< for the \
               character itself"
            .to_owned(),
    };
    let (name, _) = rest.split_once('>').ok_or_else(mistake)?;
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
    if name.is_empty() || !name.chars().all(fits) {
        return Err(mistake());
    }
    let number = defines.get(name).copied();
    Ok((Reference::Define(number), at + name.len() + 1))
}

/// The place that a path from the root of the event means.
fn place(path: &Path, at: usize) -> Result<Source, Mistake> {
    let mistake = |what: String| Mistake { at, what };
    match path.split_first_member() {
        Some(("data", rest)) => Ok(Source::Data(rest)),
        Some((name, rest)) if rest.is_whole() => argument::attribute(name, "")
            .map(Source::Attribute)
            .map_err(|error| {
                let told = error.to_string();
                mistake(told.trim_start_matches(": ").to_owned())
            }),
        Some((name, _)) => {
            let name = super::super::error::short(name);
            Err(mistake(format!(
                "the attribute {name} has nothing in it; values of the data are written \
                 $.data.{name}"
            )))
        }
        None => Err(mistake(
            "the name of an attribute, or data, is expected behind $".to_owned(),
        )),
    }
}
