//! A small healthy history, and the means to damage it: whoever writes an oracle shows with a
//! planted violation that it finds one.

use super::{Passes, Violation};
use crate::history::History;

/// Two eventlogs. `a0`, `b0` and `a1` are acknowledged; of `u0` and `u1` nobody knows, and `u0`
/// was stored; `f0` was refused. Subscription `all` takes everything; `some`, which only wants ids
/// that start with `a`, fails once and refuses `a1` for good.
const HEALTHY: &str = r#"
{"t0":1,"t1":5,"p":"s1","f":"send","type":"ok","log":"A","id":"a0","hash":"ha0","off":0}
{"t0":1,"t1":6,"p":"s2","f":"send","type":"ok","log":"B","id":"b0","hash":"hb0","off":0}
{"t0":6,"t1":7,"p":"s2","f":"send","type":"fail","log":null,"id":"f0","hash":"hf0","off":null}
{"t0":5,"t1":8,"p":"s1","f":"send","type":"info","log":null,"id":"u0","hash":"hu0","off":null}
{"t0":8,"t1":9,"p":"s2","f":"send","type":"info","log":null,"id":"u1","hash":"hu1","off":null}
{"t0":9,"t1":10,"p":"reader","f":"poll","type":"ok","log":"A","at":0,"msgs":[[0,"a0","ha0"],[1,"u0","hu0"]]}
{"t0":11,"t1":12,"p":"reader","f":"poll","type":"ok","log":"A","at":2,"msgs":[]}
{"t0":12,"t1":13,"p":"s1","f":"send","type":"ok","log":"A","id":"a1","hash":"ha1","off":2}
{"t0":14,"t1":14,"p":"all","f":"deliver","sub":"all","log":"A","id":"a0","hash":"ha0","attempt":1,"answer":"2xx"}
{"t0":14,"t1":14,"p":"all","f":"deliver","sub":"all","log":"A","id":"u0","hash":"hu0","attempt":1,"answer":"2xx"}
{"t0":15,"t1":15,"p":"all","f":"deliver","sub":"all","log":"A","id":"a1","hash":"ha1","attempt":1,"answer":"2xx"}
{"t0":15,"t1":15,"p":"all","f":"deliver","sub":"all","log":"B","id":"b0","hash":"hb0","attempt":1,"answer":"none"}
{"t0":16,"t1":16,"p":"all","f":"deliver","sub":"all","log":"B","id":"b0","hash":"hb0","attempt":2,"answer":"2xx"}
{"t0":16,"t1":16,"p":"some","f":"deliver","sub":"some","log":"A","id":"a0","hash":"ha0","attempt":1,"answer":"retryable"}
{"t0":17,"t1":17,"p":"some","f":"deliver","sub":"some","log":"A","id":"a1","hash":"ha1","attempt":1,"answer":"fatal"}
{"t0":18,"t1":18,"p":"some","f":"deliver","sub":"some","log":"A","id":"a0","hash":"ha0","attempt":2,"answer":"2xx"}
{"t0":19,"t1":20,"p":"drain","f":"poll","type":"ok","log":"A","at":0,"msgs":[[0,"a0","ha0"],[1,"u0","hu0"]]}
{"t0":20,"t1":21,"p":"drain","f":"poll","type":"ok","log":"A","at":2,"msgs":[[2,"a1","ha1"]]}
{"t0":21,"t1":22,"p":"drain","f":"poll","type":"ok","log":"A","at":3,"msgs":[]}
{"t0":22,"t1":22,"p":"drain","f":"drained","log":"A"}
{"t0":22,"t1":23,"p":"drain","f":"poll","type":"ok","log":"B","at":0,"msgs":[[0,"b0","hb0"]]}
{"t0":23,"t1":23,"p":"drain","f":"poll","type":"ok","log":"B","at":1,"msgs":[]}
{"t0":24,"t1":24,"p":"drain","f":"drained","log":"B"}
{"t0":25,"t1":25,"p":"drain","f":"poll","type":"ok","log":"dead-letters/some","at":0,"msgs":[[0,"a1","ha1"]]}
{"t0":26,"t1":26,"p":"drain","f":"drained","log":"dead-letters/some"}
"#;

/// The healthy history.
pub(super) fn healthy() -> History {
    History::read(HEALTHY.as_bytes()).unwrap()
}

/// What its subscriptions let pass.
pub(super) fn passes() -> Passes {
    Passes::default()
        .subscription("all", |_| true)
        .subscription("some", |id| id.starts_with('a'))
}

/// The healthy history with one text replaced wherever it stands; it must stand somewhere.
pub(super) fn with(what: &str, by: &str) -> History {
    assert!(HEALTHY.contains(what), "{what} is nowhere in the history");
    History::read(HEALTHY.replace(what, by).as_bytes()).unwrap()
}

/// The healthy history without the one line that contains this text.
pub(super) fn without(what: &str) -> History {
    let lines: Vec<&str> = HEALTHY
        .lines()
        .filter(|line| !line.contains(what))
        .collect();
    assert_eq!(lines.len() + 1, HEALTHY.lines().count(), "{what}");
    History::read(lines.join("\n").as_bytes()).unwrap()
}

/// The healthy history and one more line.
pub(super) fn and(line: &str) -> History {
    History::read(format!("{HEALTHY}{line}\n").as_bytes()).unwrap()
}

/// The one violation there is; it must speak of all these.
pub(super) fn only(violations: &[Violation], words: &[&str]) {
    assert_eq!(violations.len(), 1, "{violations:?}");
    for word in words {
        assert!(violations[0].fact.contains(word), "{violations:?}");
    }
}
