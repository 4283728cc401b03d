//! Transformers: what is taken ends within its budget, gives the same again, and leaves a valid event.

use std::{hint::black_box, time::Duration};

use vanus_expr::{
    json::JsonIndex,
    transform::{TransformContext, Transformer},
};
use vanus_types::{DataKind, Event, SeededEntropy, control::TransformerSpec};

use super::{Target, cesql::evaluations, record, same, slowest};

/// The target.
pub const TARGET: Target = Target {
    name: "transform",
    seeds,
    mend: |_| {},
    run,
    memory: evaluations,
    evaluation: Some(evaluation),
};

const SEEDS: [&str; 13] = [
    r#"{"define":{"a":"$.data.a","t":"$.type","c":"text"},"pipeline":[{"command":["create","$.data.x","<a>"]},{"command":["join","$.subject","-","<t>","<c>","$.data.a[:]"]}],"template":"{\"a\":<a>,\"b\":\"<t> <$.data.b.c>\",\"c\":[<$.data.none>,<none>]}"}"#,
    r#"{"pipeline":[{"command":["array_foreach","$.data.a",["create","$.data.n","@"],["delete","@.x"]]},{"command":["unfold_array","$.data.a","$.data.b.p"]},{"command":["render_array","$.data.r","$.data.a","<@> <@.b>"]}]}"#,
    r#"{"pipeline":[{"command":["jq","$.data","[.. | numbers] | add, ($event | length) as $n | {n: $n, s: (.a | map(tostring) | join(\",\"))}"]},{"command":["jq","$.data.x","reduce range(100) as $x (0; . + $x)"]}],"on_error":"fail"}"#,
    r#"{"pipeline":[{"command":["date_format","$.time","Y-m-d H:i:s","Europe/Lisbon"]},{"command":["duplicate","$.time","$.data.t"]},{"command":["unix_time_format","$.data.a[1]","yyyy"]},{"command":["convert_timezone","$.data.t","CET","UTC","Y"]}]}"#,
    r#"{"pipeline":[{"command":["replace_with_regex","$.data.b.c","(\\S)|$","$1$1-"]},{"command":["split_with_intervals","$.type",1,2,"$.data.s"]},{"command":["split_with_delimiter","$.type",".","$.data.d"]},{"command":["extract_between_positions","$.type","$.data.e",2,5]}]}"#,
    r#"{"pipeline":[{"command":["duplicate","$.data","$.data.a2"]},{"command":["duplicate","$.data","$.data.a3"]},{"command":["duplicate","$.data","$.data.a4"]},{"command":["duplicate","$.data","$.data.a5"]}],"template":"<$.data><$.data><$.data>"}"#,
    r#"{"pipeline":[{"command":["condition_if","$.data.i","$.number","<",0,true,null],"on_error":"skip"},{"command":["check_custom_values","$.type","com","$.flag",1,0]},{"command":["length","$.data.l","$.data"]},{"command":["math_add","$.data.m","$.data.a[0]",1e300]}]}"#,
    r#"{"pipeline":[{"command":["uuid","$.id"]},{"command":["now","$.time"]},{"command":["sha256","$.data.h","$.data"]},{"command":["base64_encode","$.data.e","$.data.h"]},{"command":["base64_decode","$.data.f","$.bytes"]},{"command":["number_format","$.data.n","$.number",3,","]},{"command":["coalesce","$.data.c","$.data.z","x"]}]}"#,
    r#"{"pipeline":[{"command":["debezium_convert_to_mongodb_sink","a","$.data.a"]},{"command":["move","$.data.b.c","$.data.q[0].z"]},{"command":["rename","$.text","$.words"]},{"command":["replace","$.source","/new"]}],"template_type":"none"}"#,
    r#"{"pipeline":[{"command":["jq","$.data.x","[limit(1e9; repeat(.a))]"]}]}"#,
    r#"{"pipeline":[{"command":["jq","$.data.x","def f: 1 + f; f"]},{"command":["jq","$.data","reduce range(1e9) as $x (.; .b[\"k\\($x)\"] = .a)"]}]}"#,
    r#"{"pipeline":[{"command":["jq","$.data.x","\"a\" | until(length > 1e6; . + .) | gsub(\"(?<x>a)|b\"; .x + .x)"]}]}"#,
    r#"{"pipeline":[{"command":["jq","$.data.s","[range(2000) | tostring] | sort_by(.[1:]) | group_by(length) | map(add)"]},{"command":["replace_with_regex","$.data.s","(.*[^0-9])|[0-9]","$1$1"]}]}"#,
];

fn seeds() -> Vec<Vec<u8>> {
    SEEDS.iter().map(|seed| seed.as_bytes().to_vec()).collect()
}

fn evaluation(input: &[u8]) -> Option<Duration> {
    let spec = serde_json::from_slice::<TransformerSpec>(input).ok()?;
    of(&Transformer::compile(&spec).ok()?)
}

/// How long a run takes with the event that takes longest.
pub(super) fn of(transformer: &Transformer) -> Option<Duration> {
    slowest(|event| {
        let entropy = SeededEntropy::new(1);
        let mut context = TransformContext::new(1_700_000_000_000, &entropy);
        let _ = black_box(transformer.run(event, &mut context));
    })
}

fn run(input: &[u8]) -> Result<bool, String> {
    let Ok(spec) = serde_json::from_slice::<TransformerSpec>(input) else {
        return Ok(false);
    };
    let Ok(transformer) = Transformer::compile(&spec) else {
        return Ok(false);
    };
    for event in record::events() {
        transformed(&transformer, &event)?;
    }
    Ok(true)
}

/// Runs a transformer twice, and judges what comes out.
pub(super) fn transformed(transformer: &Transformer, event: &Event) -> Result<(), String> {
    let run = || {
        let entropy = SeededEntropy::new(1);
        let mut context = TransformContext::new(1_700_000_000_000, &entropy);
        let made = transformer.run(event, &mut context);
        (made, context.skipped)
    };
    let (made, skipped) = run();
    let (other, others) = run();
    same("run", &made, &other)?;
    same("failed actions", &skipped, &others)?;
    let made = match made {
        Ok(made) => made,
        Err(_) => return Ok(()),
    };
    let again = Event::from_record(made.record().clone());
    again.map_err(|error| format!("no valid event comes out: {error}"))?;
    let data = made.data();
    if data.kind == DataKind::Json && made.datacontenttype() == Some("application/json") {
        let text = data.as_str().unwrap_or_default();
        let read = JsonIndex::new().read(text);
        read.map_err(|error| format!("no JSON comes out: {error}: {text:.200}"))?;
    }
    Ok(())
}
