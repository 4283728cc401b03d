//! CEL expressions: what is taken ends within its budget, and its negation is what it is called.

use std::{hint::black_box, time::Duration};

use vanus_expr::{EventView, cel::Cel};

use super::{Target, cesql::evaluations, record, same, slowest};

/// The target.
pub const TARGET: Target = Target {
    name: "cel",
    seeds,
    mend: |_| {},
    run,
    memory: evaluations,
    evaluation: Some(evaluation),
};

const SEEDS: [&str; 12] = [
    "event.type.startsWith('com.') && has(event.subject)",
    "$a[1].(double) > 2.0 || $b.c.(string) == \"\\u2603\"",
    "event.data.a.exists(x, x == null) && event.data.a.all(x, dyn(x) != 7)",
    "event.data.a.filter(x, type(x) == int).map(x, x + 1) == [2]",
    "event.data.b == {\"c\": '\\u2603'} && \"c\" in event.data.b",
    "event.number * 2 - 1 < -7 / 2 && event.flag ? true : !false",
    "timestamp(event.time) + duration('1h30m') > timestamp(\"2024-01-01T00:00:00Z\")",
    "event.type.matches('^[a-z.]+$') && size(event.bytes) == 2u",
    "[1, 2u, 3.5, 'x', b'\\xff', null, true, [], {}].size() == 9",
    "string(int('12') + 0x1F) + r'\\n' == \"43\\\\n\"",
    "event.data[\"a\"][0] == 1 // the first",
    "{1: 'a', 'b': [1, 2]}.b[1] == 2 && [[1]].exists_one(x, x.all(y, y > 0))",
];

fn seeds() -> Vec<Vec<u8>> {
    SEEDS.iter().map(|seed| seed.as_bytes().to_vec()).collect()
}

fn evaluation(input: &[u8]) -> Option<Duration> {
    let cel = Cel::compile_filter(std::str::from_utf8(input).ok()?).ok()?;
    slowest(|event| {
        let _ = black_box(cel.evaluate(&EventView::new(event)));
    })
}

fn run(input: &[u8]) -> Result<bool, String> {
    let Ok(text) = std::str::from_utf8(input) else {
        return Ok(false);
    };
    let cel = match Cel::compile_filter(text) {
        Ok(cel) => cel,
        Err(error) => {
            let at = error.position().offset;
            return match text.is_char_boundary(at) {
                true => Ok(false),
                false => Err(format!("{error} is not in the text")),
            };
        }
    };
    // The line end closes a comment.
    let negated = Cel::compile_filter(&format!("!({text}\n)"));
    for event in record::events() {
        let view = EventView::new(&event);
        let found = cel.evaluate(&view);
        same("evaluation", &found, &cel.evaluate(&view))?;
        same("filter", &(found == Ok(true)), &cel.matches(&view))?;
        // It may be too long or too deep by a little now.
        if let Ok(negated) = &negated {
            let expected = found.map(|value| !value).map_err(|fault| fault.what);
            let other = negated.evaluate(&view).map_err(|fault| fault.what);
            let budget = |result: &Result<bool, _>| *result == Err(vanus_expr::cel::Fault::Budget);
            if !budget(&other) {
                same("negation", &expected, &other)?;
            }
        }
    }
    Ok(true)
}
