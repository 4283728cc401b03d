//! Comparisons and expressions that filters share: each is kept once, and evaluated at most once
//! for an event.

use std::collections::HashMap;

use vanus_types::limits::MAX_EXPRESSION_WORK;

use crate::{
    EventView,
    budget::Budget,
    cesql::Sql,
    filter::{Node, Test},
};

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Predicates {
    list: Vec<Option<Predicate>>,
    free: Vec<u32>,
    known: HashMap<Key, u32>,
}

#[derive(Debug)]
struct Predicate {
    what: What,
    uses: usize,
}

#[derive(Debug)]
enum What {
    Test(Test),
    Sql(Sql),
    #[cfg(feature = "cel")]
    Cel(crate::cel::Cel),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    Test(Test),
    Sql(Box<str>),
    #[cfg(feature = "cel")]
    Cel(Box<str>),
}

/// What is left to be asked when an index has found a filter.
#[derive(Debug)]
pub(super) enum Residual {
    /// A comparison or expression.
    Predicate(u32),
    Not(Box<Residual>),
    All(Box<[Residual]>),
    Any(Box<[Residual]>),
}

/// What is known of the event at hand.
#[derive(Debug, Default)]
pub(super) struct Memo {
    answers: Vec<Answer>,
}

/// What a predicate said of an event.
#[derive(Debug, Clone, Copy, Default)]
struct Answer {
    /// The event; 0 is none.
    event: u32,
    passes: bool,
    /// The work it took, beginning with a whole budget.
    work: u64,
}

impl Predicates {
    /// The residual of a node, whose predicates are kept from now on.
    pub(super) fn keep(&mut self, node: &Node) -> Residual {
        let (key, what) = match node {
            Node::Not(inner) => return Residual::Not(Box::new(self.keep(inner))),
            Node::All(nodes) => {
                return Residual::All(nodes.iter().map(|node| self.keep(node)).collect());
            }
            Node::Any(nodes) => {
                return Residual::Any(nodes.iter().map(|node| self.keep(node)).collect());
            }
            Node::Test(test) => (Key::Test(test.clone()), What::Test(test.clone())),
            Node::Sql(sql) => (Key::Sql(sql.text().into()), What::Sql((**sql).clone())),
            #[cfg(feature = "cel")]
            Node::Cel(cel) => (Key::Cel(cel.text().into()), What::Cel((**cel).clone())),
        };
        if let Some(number) = self.known.get(&key) {
            if let Some(Some(known)) = self.list.get_mut(*number as usize) {
                known.uses += 1;
            }
            return Residual::Predicate(*number);
        }
        let predicate = Some(Predicate { what, uses: 1 });
        let number = if let Some(number) = self.free.pop()
            && let Some(place) = self.list.get_mut(number as usize)
        {
            *place = predicate;
            number
        } else {
            self.list.push(predicate);
            u32::try_from(self.list.len() - 1).unwrap_or(u32::MAX)
        };
        self.known.insert(key, number);
        Residual::Predicate(number)
    }

    /// Lets go of the predicates of a residual.
    pub(super) fn release(&mut self, residual: &Residual) {
        match residual {
            Residual::Not(inner) => self.release(inner),
            Residual::All(inner) | Residual::Any(inner) => {
                inner.iter().for_each(|inner| self.release(inner));
            }
            Residual::Predicate(number) => {
                let Some(place) = self.list.get_mut(*number as usize) else {
                    return;
                };
                let Some(predicate) = place else { return };
                predicate.uses -= 1;
                if predicate.uses == 0 {
                    self.known.remove(&predicate.what.key());
                    *place = None;
                    self.free.push(*number);
                }
            }
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether an event, told from others by a number, passes. The expressions of the residual
    /// are paid from `budget`, as if none had been evaluated for another filter before.
    pub(super) fn holds(
        &self,
        residual: &Residual,
        view: &EventView<'_>,
        event: u32,
        memo: &mut Memo,
        budget: &Budget,
    ) -> bool {
        let mut ask = |inner| self.holds(inner, view, event, memo, budget);
        match residual {
            Residual::Not(inner) => !ask(inner),
            Residual::All(all) => all.iter().all(ask),
            Residual::Any(any) => any.iter().any(ask),
            Residual::Predicate(number) => {
                let Some(Some(predicate)) = self.list.get(*number as usize) else {
                    return false;
                };
                let answer = memo.answer(*number, event, self.list.len(), || {
                    let whole = Budget::new();
                    let passes = predicate.what.holds(view, &whole);
                    (passes, MAX_EXPRESSION_WORK - whole.left())
                });
                // With less than it took it may end in another way.
                if budget.spend(answer.work) {
                    answer.passes
                } else {
                    predicate.what.holds(view, budget)
                }
            }
        }
    }
}

impl Memo {
    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.answers.clear();
    }

    /// The answer of predicate `number` of `predicates`, which is asked unless it was for this
    /// event.
    fn answer(
        &mut self,
        number: u32,
        event: u32,
        predicates: usize,
        ask: impl FnOnce() -> (bool, u64),
    ) -> Answer {
        let number = number as usize;
        if let Some(known) = self.answers.get(number)
            && known.event == event
        {
            return *known;
        }
        let (passes, work) = ask();
        let answer = Answer {
            event,
            passes,
            work,
        };
        if number >= self.answers.len() {
            self.answers.resize(predicates, Answer::default());
        }
        if let Some(place) = self.answers.get_mut(number) {
            *place = answer;
        }
        answer
    }
}

impl What {
    fn holds(&self, view: &EventView<'_>, budget: &Budget) -> bool {
        match self {
            Self::Test(test) => test.passes(view),
            Self::Sql(sql) => sql.matches_within(view.event(), budget),
            #[cfg(feature = "cel")]
            Self::Cel(cel) => cel.matches_within(view, budget),
        }
    }

    fn key(&self) -> Key {
        match self {
            Self::Test(test) => Key::Test(test.clone()),
            Self::Sql(sql) => Key::Sql(sql.text().into()),
            #[cfg(feature = "cel")]
            Self::Cel(cel) => Key::Cel(cel.text().into()),
        }
    }
}
