//! CESQL expressions: what is taken prints as itself and means the same then.

use std::{hint::black_box, time::Duration};

use vanus_expr::cesql::{Sql, Value, format};

use super::{Target, record, same, slowest};

/// The target.
pub const TARGET: Target = Target {
    name: "cesql",
    seeds,
    mend: |_| {},
    run,
    memory: evaluations,
    evaluation: Some(evaluation),
};

const SEEDS: [&str; 12] = [
    "source = '/s' AND EXISTS subject",
    "type LIKE 'com.%.object\\_%' OR type NOT LIKE \"_%x\"",
    "NOT (number + -7 * 2 / flag % 3 - 1 >= -14) XOR TRUE",
    "subject IN ('a', \"b\", id, 5) AND number NOT IN (1, -7)",
    "CONCAT_WS(', ', UPPER(id), LOWER(type), TRIM('  x '), STRING(TRUE)) <> ''",
    "SUBSTRING(subject, -5, 3) = LEFT(RIGHT(subject, 5), 3)",
    "LENGTH(CONCAT(text, text, bytes)) < ABS(-2147483648)",
    "INT('12') = 12 AND BOOL('true') AND IS_INT(number) AND IS_BOOL('no')",
    "--number != - (5)",
    "no_such(1 / 0) OR missing = 5 % 0",
    "'it\\'s' = \"it's\" AND 'a''b' <> 'c\\d'",
    "((((time))) = '2024-02-29T23:59:59.123456789Z')",
];

fn seeds() -> Vec<Vec<u8>> {
    SEEDS.iter().map(|seed| seed.as_bytes().to_vec()).collect()
}

/// What an evaluation may make of its budget, a few times over.
pub(super) fn evaluations(len: usize) -> u64 {
    32 * 1024 * 1024 + 256 * len as u64
}

fn evaluation(input: &[u8]) -> Option<Duration> {
    let sql = Sql::compile(std::str::from_utf8(input).ok()?).ok()?;
    slowest(|event| drop(black_box(sql.evaluate(event))))
}

fn run(input: &[u8]) -> Result<bool, String> {
    let Ok(text) = std::str::from_utf8(input) else {
        return Ok(false);
    };
    let sql = match Sql::compile(text) {
        Ok(sql) => sql,
        Err(error) => {
            let at = error.position().offset;
            return match text.is_char_boundary(at) {
                true => Ok(false),
                false => Err(format!("{error} is not in the text")),
            };
        }
    };
    for parentheses in [false, true] {
        let refused =
            |e: &dyn std::fmt::Display| format!("{text:?} prints as what is refused: {e}");
        let printed = format(text, parentheses).map_err(|e| refused(&e))?;
        // Parentheses and blanks may make it longer than an expression can be.
        if printed.len() > vanus_types::limits::MAX_EXPRESSION_LEN {
            continue;
        }
        let again = format(&printed, parentheses).map_err(|e| refused(&e))?;
        same("print", &printed, &again)?;
        let again = Sql::compile(&printed).map_err(|e| refused(&e))?;
        for event in record::events() {
            let (one, other) = (sql.evaluate(&event), again.evaluate(&event));
            same("value", &one.value, &other.value)?;
            same("errors", &one.errors.len(), &other.errors.len())?;
            let passes = one.value == Value::Boolean(true) && one.errors.is_empty();
            same("filter", &passes, &sql.matches(&event))?;
        }
    }
    Ok(true)
}
