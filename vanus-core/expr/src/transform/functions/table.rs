//! All functions.

use super::{
    Function,
    Takes::{
        self, Action, Any, Constant, Data, DataValue, Deletable, Event, Expression, Movable, Place,
    },
    arrays, codes, conditions, dates, debezium, math, nothing, queries, split, structs, text,
};

/// A function that takes a fixed number of arguments and compiles nothing.
const fn plain(
    name: &'static str,
    arguments: &'static str,
    takes: &'static [Takes],
    summary: &'static str,
    run: for<'a> fn(&mut super::Run<'a>, &'a super::Action) -> Result<(), super::ActionFault>,
) -> Function {
    Function {
        name,
        alias: None,
        arguments,
        summary,
        takes,
        optional: 0,
        more: None,
        prepare: nothing,
        run,
    }
}

/// Every function of the pipeline: those of the original Vanus, in its order, then the new ones.
pub const FUNCTIONS: &[Function] = &[
    plain(
        "create",
        "path, value",
        &[Place, Any],
        "Sets `path`, where nothing may be yet.",
        structs::create,
    ),
    plain(
        "delete",
        "path",
        &[Deletable],
        "Deletes what is at `path`: every place of it, if it has wildcards or slices. Nothing need be there.",
        structs::delete,
    ),
    plain(
        "replace",
        "path, value",
        &[Place, Any],
        "Sets `path`, where something must be already.",
        structs::replace,
    ),
    plain(
        "move",
        "path, target",
        &[Movable, Place],
        "Moves the value at `path` to `target`, where nothing may be yet.",
        structs::relocate,
    ),
    plain(
        "rename",
        "path, target",
        &[Movable, Place],
        "The same as `move`, for a new name.",
        structs::relocate,
    ),
    plain(
        "duplicate",
        "path, target",
        &[Event, Place],
        "Copies the value at `path` to `target`.",
        structs::duplicate,
    ),
    Function {
        more: Some(Any),
        ..plain(
            "math_add",
            "target, a, b, …",
            &[Place, Any, Any],
            "Sets `target` to the sum of the numbers; an array stands for its items.",
            math::add,
        )
    },
    plain(
        "math_sub",
        "target, a, b",
        &[Place, Any, Any],
        "Sets `target` to `a` - `b`.",
        math::subtract,
    ),
    Function {
        more: Some(Any),
        ..plain(
            "math_mul",
            "target, a, b, …",
            &[Place, Any, Any],
            "Sets `target` to the product of the numbers; an array stands for its items.",
            math::multiply,
        )
    },
    plain(
        "math_div",
        "target, a, b",
        &[Place, Any, Any],
        "Sets `target` to `a` / `b`. A division by zero fails.",
        math::divide,
    ),
    Function {
        optional: 1,
        prepare: dates::prepare_format,
        ..plain(
            "date_format",
            "path, format[, zone]",
            &[Place, Any, Any],
            "Writes the RFC 3339 time at `path` in `format`, in the time zone `zone` or UTC.",
            dates::date_format,
        )
    },
    Function {
        optional: 1,
        prepare: dates::prepare_format,
        ..plain(
            "unix_time_format",
            "path, format[, zone]",
            &[Place, Any, Any],
            "Writes the time at `path`, seconds since 1970, in `format`, in the time zone `zone` or UTC.",
            dates::unix_time_format,
        )
    },
    Function {
        optional: 1,
        prepare: dates::prepare_convert,
        ..plain(
            "convert_timezone",
            "path, from, to[, format]",
            &[Place, Any, Any, Any],
            "Converts the time at `path`, written in `format` or as `Y-m-d H:i:s`, from the time zone `from` to `to`.",
            dates::convert_timezone,
        )
    },
    Function {
        more: Some(Any),
        ..plain(
            "join",
            "target, separator, a, …",
            &[Place, Any, Any],
            "Sets `target` to the texts with `separator` between them; an array stands for its items.",
            split::join,
        )
    },
    plain(
        "upper_case",
        "path",
        &[Place],
        "Writes the text at `path` in upper case.",
        text::upper_case,
    ),
    plain(
        "lower_case",
        "path",
        &[Place],
        "Writes the text at `path` in lower case.",
        text::lower_case,
    ),
    plain(
        "add_prefix",
        "path, prefix",
        &[Place, Any],
        "Puts `prefix` before the text at `path`.",
        text::add_prefix,
    ),
    plain(
        "add_suffix",
        "path, suffix",
        &[Place, Any],
        "Puts `suffix` behind the text at `path`.",
        text::add_suffix,
    ),
    Function {
        prepare: text::pattern,
        ..plain(
            "replace_with_regex",
            "path, pattern, new",
            &[Place, Any, Any],
            "Replaces all that the RE2 `pattern` matches in the text at `path` by `new`, in which `$1` and `${name}` are its groups.",
            text::replace_with_regex,
        )
    },
    plain(
        "replace_string",
        "path, part, new",
        &[Place, Any, Any],
        "Replaces every `part` of the text at `path` by `new`.",
        text::replace_string,
    ),
    plain(
        "replace_between_positions",
        "path, start, end, new",
        &[Place, Any, Any, Any],
        "Replaces the characters of the text at `path` from `start` to before `end`, counted from 0, by `new`. Both are less than the number of characters.",
        text::replace_between_positions,
    ),
    plain(
        "capitalize_sentence",
        "path",
        &[Place],
        "Writes the first letter of the text at `path` in upper case.",
        text::capitalize_sentence,
    ),
    plain(
        "capitalize_word",
        "path",
        &[Place],
        "Writes the first letter of each word of the text at `path` in upper case.",
        text::capitalize_word,
    ),
    plain(
        "check_custom_values",
        "path, part, target, yes, no",
        &[Event, Any, Place, Any, Any],
        "Sets `target` to `yes` if the text at `path` contains `part`, else to `no`.",
        conditions::check_custom_values,
    ),
    Function {
        alias: Some("split_with_interval"),
        ..plain(
            "split_with_intervals",
            "path, start, interval, target",
            &[Event, Any, Any, Data],
            "Sets `target`, where nothing may be yet, to the first `start` characters of the text at `path` and the rest in pieces of `interval` characters.",
            split::split_with_intervals,
        )
    },
    plain(
        "extract_between_delimiters",
        "path, target, start, end",
        &[Event, Place, Any, Any],
        "Sets `target` to what is in the text at `path` between the first `start` and the `end` behind it.",
        text::extract_between_delimiters,
    ),
    Function {
        alias: Some("extract_missing"),
        ..plain(
            "extract_missing_action",
            "path, target, yes, no",
            &[Event, Place, Any, Any],
            "Sets `target` to `yes` if `path` is missing, null or empty, else to `no`.",
            conditions::extract_missing_action,
        )
    },
    plain(
        "replace_between_delimiters",
        "path, start, end, new",
        &[Place, Any, Any, Any],
        "Replaces in the text at `path` the first `start`, the `end` behind it, and what is between them by `new`.",
        text::replace_between_delimiters,
    ),
    plain(
        "split_with_delimiter",
        "path, delimiter, target",
        &[Event, Constant, Data],
        "Sets `target` to the parts of the text at `path` between the `delimiter`s, a constant.",
        split::split_with_delimiter,
    ),
    plain(
        "split_between_positions",
        "path, start, end, target",
        &[Event, Any, Any, Data],
        "Sets `target`, where nothing may be yet, to the three parts of the text at `path` before character `start`, from there to before `end`, and from there on, counted from 0.",
        split::split_between_positions,
    ),
    plain(
        "split_from_start",
        "path, position, target",
        &[Event, Constant, Data],
        "Sets `target` to the first `position` characters (a constant) of the text at `path`, and the rest.",
        split::split_from_start,
    ),
    plain(
        "extract_between_positions",
        "path, target, start, end",
        &[Event, Place, Any, Any],
        "Sets `target` to the characters `start` to `end`, both included and counted from 1, of the text at `path`.",
        text::extract_between_positions,
    ),
    Function {
        prepare: conditions::operator,
        ..plain(
            "condition_if",
            "target, value, operator, other, yes, no",
            &[Place, Any, Any, Any, Any, Any],
            "Sets `target` to `yes` if the comparison holds, else to `no`. `==` compares texts; `>=`, `>`, `<=` and `<` compare numbers.",
            conditions::condition_if,
        )
    },
    Function {
        prepare: arrays::render,
        ..plain(
            "render_array",
            "target, path, template",
            &[Place, DataValue, Expression],
            "Sets `target` to an array of texts: `template` for each item of the array at `path`, in which `<@.name>` is a value of the item.",
            arrays::render_array,
        )
    },
    Function {
        more: Some(Action),
        ..plain(
            "array_foreach",
            "path, [action], …",
            &[Data],
            "Does the actions with each item of the array at `path`, which is `@` (`@.name`, or `$.data.name`) in them. If one fails, the array stays as it was.",
            arrays::array_foreach,
        )
    },
    plain(
        "unfold_array",
        "path, prefix",
        &[DataValue, Data],
        "Sets `prefix-0`, `prefix-1`, … to the items of the array at `path`.",
        arrays::unfold_array,
    ),
    plain(
        "length",
        "target, value",
        &[Place, Any],
        "Sets `target` to the number of bytes of a text, items of an array, or members of an object.",
        arrays::length,
    ),
    Function {
        more: Some(Any),
        prepare: debezium::pairs,
        ..plain(
            "debezium_convert_to_mongodb_sink",
            "key, value, …",
            &[Any, Any],
            "Makes of the data what a MongoDB sink takes, as the attribute `iodebeziumop` says: `inserts` (r, c), `updates` (u) or `deletes` (d) of what has these keys and values.",
            debezium::convert,
        )
    },
    Function {
        prepare: queries::compile,
        ..plain(
            "jq",
            "target, expression",
            &[Place, Expression],
            "Sets `target` to the value of a jq expression: `.` is the data, `$event` an object of the attributes. It must give exactly one value.",
            queries::jq,
        )
    },
    Function {
        more: Some(Any),
        ..plain(
            "coalesce",
            "target, a, …",
            &[Place, Any],
            "Sets `target` to the first of the values that is neither missing nor null.",
            conditions::coalesce,
        )
    },
    plain(
        "sha256",
        "target, value",
        &[Place, Any],
        "Sets `target` to the SHA-256 of the text `value`, in 64 hexadecimal digits.",
        codes::sha256,
    ),
    plain(
        "base64_encode",
        "target, value",
        &[Place, Any],
        "Sets `target` to the text `value` in base64.",
        codes::base64_encode,
    ),
    plain(
        "base64_decode",
        "target, value",
        &[Place, Any],
        "Sets `target` to the text that `value` is the base64 of, standard or URL-safe, padded or not.",
        codes::base64_decode,
    ),
    plain(
        "uuid",
        "target",
        &[Place],
        "Sets `target` to a new random UUID, another one for each attempt.",
        codes::uuid,
    ),
    Function {
        optional: 2,
        prepare: dates::prepare_format,
        ..plain(
            "now",
            "target[, format[, zone]]",
            &[Place, Any, Any],
            "Sets `target` to the time now, in RFC 3339 or in `format`, in the time zone `zone` or UTC.",
            dates::now,
        )
    },
    Function {
        optional: 2,
        ..plain(
            "number_format",
            "target, value, decimals[, group[, point]]",
            &[Place, Any, Any, Any, Any],
            "Sets `target` to the number `value` with so many decimals, `group` between thousands (nothing by default) and `point` before the decimals (`.` by default).",
            math::format,
        )
    },
];
