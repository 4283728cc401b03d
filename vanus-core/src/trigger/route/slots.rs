//! Who owns which part of the keys of a sticky group. Pure.
//!
//! The keys fall into ten thousand *slots* by their hashes, one for each hundredth of a percent.
//! When weights change, routes that lose weight give slots up, and routes that gain take them; no
//! other slot changes hands. So a key never leaves a route whose weight does not fall, whatever
//! happens to the others.

use std::collections::BTreeMap;

use vanus_types::control::{
    Percent, RouteSlots, RouteSpec, RoutesSpec, Sticky, StickyMode, weights,
};

/// How many slots there are.
pub(super) const SLOTS: usize = Percent::WHOLE.hundredths() as usize;

/// The slots of every sticky group of `routes`, made from what they were before.
pub(crate) fn slots_of(routes: &RoutesSpec, before: &RouteSlots) -> RouteSlots {
    let first = std::iter::once(("", &routes.routes, &routes.sticky));
    let groups = routes.groups.iter();
    let groups = groups.map(|(name, group)| (name.as_str(), &group.routes, &group.sticky));
    let shared = |sticky: &Option<Sticky>| {
        sticky
            .as_ref()
            .is_some_and(|sticky| sticky.mode == StickyMode::Share)
    };
    first
        .chain(groups)
        .filter(|(_, _, sticky)| shared(sticky))
        .map(|(name, routes, _)| {
            let old = before.get(name).map_or(&[][..], Vec::as_slice);
            (name.to_owned(), deal(routes, old))
        })
        .collect::<BTreeMap<_, _>>()
}

/// The owner of each slot, by the number of the route; nobody where the runs end too early.
pub(super) fn owners(routes: &[RouteSpec], runs: &[(String, u32)]) -> Vec<Option<u8>> {
    let number = |name: &str| {
        let found = routes.iter().position(|route| route.name == name);
        found.and_then(|number| u8::try_from(number).ok())
    };
    let mut owners = Vec::with_capacity(SLOTS);
    for (name, count) in runs {
        let room = SLOTS - owners.len();
        let count = room.min(*count as usize);
        owners.resize(owners.len() + count, number(name));
    }
    owners.resize(SLOTS, None);
    owners
}

/// Deals the slots by weight, moving as few as can be.
fn deal(routes: &[RouteSpec], runs: &[(String, u32)]) -> Vec<(String, u32)> {
    let wanted = weights(routes).unwrap_or_default();
    let mut left: Vec<u32> = wanted.iter().map(|weight| weight.hundredths()).collect();
    let mut owners = owners(routes, runs);
    // Everybody keeps what it has, as far as its weight goes.
    for owner in &mut owners {
        let room = owner.and_then(|number| left.get_mut(usize::from(number)));
        match room {
            Some(room) if *room > 0 => *room -= 1,
            _ => *owner = None,
        }
    }
    let mut takers = (0_u8..)
        .zip(&left)
        .flat_map(|(number, room)| std::iter::repeat_n(number, *room as usize));
    for owner in owners.iter_mut().filter(|owner| owner.is_none()) {
        *owner = takers.next();
    }
    let mut dealt: Vec<(String, u32)> = Vec::new();
    for owner in owners {
        let route = owner.and_then(|number| routes.get(usize::from(number)));
        let name = route.map_or("", |route| route.name.as_str());
        match dealt.last_mut() {
            Some((last, count)) if last == name => *count += 1,
            _ => dealt.push((name.to_owned(), 1)),
        }
    }
    dealt
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn routes(weights: &[u32]) -> Vec<RouteSpec> {
        let route = |(number, weight): (usize, &u32)| RouteSpec {
            name: format!("r{number}"),
            sink: Some("http://h/".into()),
            weight: Some(Percent::from_hundredths(*weight)),
            ..RouteSpec::default()
        };
        weights.iter().enumerate().map(route).collect()
    }

    /// Weights of a few routes that are ten thousand together.
    fn any_weights() -> impl Strategy<Value = Vec<u32>> {
        prop::collection::vec(0_u32..=10_000, 3).prop_map(|mut cuts| {
            cuts.sort_unstable();
            let ends = cuts.iter().copied().chain([10_000]);
            let starts = std::iter::once(0).chain(cuts.iter().copied());
            starts.zip(ends).map(|(start, end)| end - start).collect()
        })
    }

    proptest! {
        #[test]
        fn a_key_never_leaves_a_route_whose_weight_does_not_fall(
            changes in prop::collection::vec(any_weights(), 1..8),
        ) {
            let mut runs = Vec::new();
            let mut before: Option<(Vec<u32>, Vec<Option<u8>>)> = None;
            for weights in changes {
                let routes = routes(&weights);
                runs = deal(&routes, &runs);
                let now = owners(&routes, &runs);
                for (number, weight) in weights.iter().enumerate() {
                    let owned = now.iter().filter(|owner| **owner == u8::try_from(number).ok());
                    prop_assert_eq!(owned.count(), *weight as usize);
                }
                if let Some((old_weights, old)) = before {
                    for (slot, owner) in old.iter().enumerate() {
                        let number = usize::from(owner.unwrap());
                        if weights[number] >= old_weights[number] {
                            prop_assert_eq!(now[slot], *owner);
                        }
                    }
                }
                before = Some((weights, now));
            }
        }
    }

    #[test]
    fn the_slots_of_a_removed_route_are_dealt_anew() {
        let runs = deal(&routes(&[5_000, 5_000]), &[]);
        let one = routes(&[10_000]);
        assert_eq!(deal(&one, &runs), [("r0".to_owned(), 10_000)]);
    }
}
