//! The functions of CEL, and the table of all of them.
//!
//! Every function may be called as `f(x, y)`; those with `method` also, or only, as `x.f(y)`.

use super::{
    compare::size,
    convert,
    error::Fault,
    value::{Kind, Value},
};
use crate::budget::Budget;

/// A function.
#[derive(Debug)]
pub struct CelFunction {
    /// Its name.
    pub name: &'static str,
    /// How many values it takes, the one before the dot included.
    pub arguments: usize,
    /// Whether it may be called without a dot.
    pub global: bool,
    /// Whether it may be called behind a dot.
    pub method: bool,
    /// How it is called, and what it does.
    pub summary: &'static str,
    /// What it gives, where that is always the same.
    pub(super) returns: Option<Kind>,
    pub(super) run: Run,
}

type Run = for<'a> fn(&[Value<'a>], &Budget) -> Result<Value<'a>, Fault>;

const fn global(
    name: &'static str,
    returns: Option<Kind>,
    summary: &'static str,
    run: Run,
) -> CelFunction {
    CelFunction {
        name,
        arguments: 1,
        global: true,
        method: false,
        summary,
        returns,
        run,
    }
}

const fn method(
    name: &'static str,
    arguments: usize,
    returns: Kind,
    summary: &'static str,
    run: Run,
) -> CelFunction {
    CelFunction {
        name,
        arguments,
        global: false,
        method: true,
        summary,
        returns: Some(returns),
        run,
    }
}

/// Every function but `matches`, whose pattern is compiled beforehand, and the macros.
pub static CEL_FUNCTIONS: &[CelFunction] = &[
    CelFunction {
        name: "size",
        arguments: 1,
        global: true,
        method: true,
        summary: "`size(x)`: the number of characters, bytes, items or entries",
        returns: Some(Kind::Int),
        run: |values, budget| {
            let size = size(first(values)?, budget)?;
            Ok(Value::Int(i64::try_from(size).map_err(|_| Fault::Math)?))
        },
    },
    method(
        "contains",
        2,
        Kind::Bool,
        "`text.contains(part)`",
        |values, budget| texts(values, budget, |text, part| text.contains(part)),
    ),
    method(
        "startsWith",
        2,
        Kind::Bool,
        "`text.startsWith(part)`",
        |values, budget| texts(values, budget, |text, part| text.starts_with(part)),
    ),
    method(
        "endsWith",
        2,
        Kind::Bool,
        "`text.endsWith(part)`",
        |values, budget| texts(values, budget, |text, part| text.ends_with(part)),
    ),
    global(
        "int",
        Some(Kind::Int),
        "`int(x)`: of a number (cut), a string of digits, or a timestamp (seconds since 1970)",
        |values, budget| convert::int(first(values)?, budget),
    ),
    global(
        "uint",
        Some(Kind::Uint),
        "`uint(x)`: of a number (cut) or a string of digits",
        |values, budget| convert::uint(first(values)?, budget),
    ),
    global(
        "double",
        Some(Kind::Double),
        "`double(x)`: of a number or a string",
        |values, budget| convert::double(first(values)?, budget),
    ),
    global(
        "string",
        Some(Kind::Text),
        "`string(x)`: of a boolean, number, bytes in UTF-8, timestamp or duration",
        |values, budget| convert::text(first(values)?, budget),
    ),
    global(
        "bool",
        Some(Kind::Bool),
        "`bool(x)`: of a string such as `true`, `T`, `1`, `false`, `F`, `0`",
        |values, _| convert::bool(first(values)?),
    ),
    global(
        "bytes",
        Some(Kind::Bytes),
        "`bytes(x)`: of a string, in UTF-8",
        |values, budget| convert::bytes(first(values)?, budget),
    ),
    global(
        "timestamp",
        Some(Kind::Timestamp),
        "`timestamp(x)`: of an RFC 3339 string such as `event.time`, or seconds since 1970",
        |values, _| convert::timestamp(first(values)?),
    ),
    global(
        "duration",
        Some(Kind::Duration),
        "`duration(x)`: of a string such as `1h30m` or `-1.5s` (h, m, s, ms, us, ns)",
        |values, _| convert::duration(first(values)?),
    ),
    global(
        "type",
        Some(Kind::Type),
        "`type(x)`: to be compared with `int`, `uint`, `double`, `bool`, `string`, `bytes`, \
         `list`, `map`, `null_type` or `type`",
        |values, _| Ok(Value::Type(first(values)?.kind())),
    ),
    global(
        "dyn",
        None,
        "`dyn(x)`: `x`, whose type is not checked beforehand",
        |values, budget| super::compare::copy(first(values)?, budget),
    ),
];

/// The function of this name and form that takes this number of values.
pub(super) fn find(name: &str, values: usize, method: bool) -> Option<&'static CelFunction> {
    CEL_FUNCTIONS.iter().find(|function| {
        let form = if method {
            function.method
        } else {
            function.global
        };
        form && function.name == name && function.arguments == values
    })
}

fn first<'v, 'a>(values: &'v [Value<'a>]) -> Result<&'v Value<'a>, Fault> {
    values.first().ok_or(Fault::Types)
}

fn texts<'a>(
    values: &[Value<'a>],
    budget: &Budget,
    test: fn(&str, &str) -> bool,
) -> Result<Value<'a>, Fault> {
    let [Value::Text(text), Value::Text(part)] = values else {
        return Err(Fault::Types);
    };
    budget.pay(text.len() + part.len())?;
    Ok(Value::Bool(test(text, part)))
}
