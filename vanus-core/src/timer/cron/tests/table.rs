//! The table of cases; `tests/bars/time-6` reads it too.

use jiff::Timestamp;

use super::*;

const TABLE: &str = include_str!("table.tsv");

#[test]
fn every_case_of_the_table_is_right() {
    let (mut cases, mut wrong) = (0, Vec::new());
    for line in TABLE.lines().filter(|line| !line.starts_with('#')) {
        let fields: Vec<&str> = line.split('\t').collect();
        let [cron, zone, after, expected, _] = fields[..] else {
            panic!("{line:?} has not five fields");
        };
        let (cron, zone) = (Cron::parse(cron).unwrap(), Zone::named(zone).unwrap());
        let expected = expected.replace('Z', "+00:00");
        let occurrences = std::iter::successors(cron.next_after(ms(after), &zone, 0), |last| {
            cron.next_after(*last, &zone, 0)
        });
        let wanted = expected.split(' ').count();
        let occurrences: Vec<String> = occurrences
            .take(wanted)
            .map(|ms| local(ms, &zone))
            .collect();
        if occurrences.join(" ") != expected {
            wrong.push(format!("{line}\n  not {}", occurrences.join(" ")));
        }
        cases += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(cases >= 200, "{cases} cases");
}

/// RFC 3339 text of a moment in a zone.
fn local(ms: i64, zone: &Zone) -> String {
    let moment = Timestamp::from_millisecond(ms).unwrap();
    let offset = zone.rules().to_offset(moment);
    moment.display_with_offset(offset).to_string()
}
