//! Where an event goes: conditions, strengths and weights. Pure.
//!
//! In each group the first route whose condition an event passes takes its *strength* of such
//! events; all others are shared by weight over all routes, that one included. What looks like
//! chance is a hash: of the event, so that it goes the same way again after a crash, or of its key
//! where the group is sticky.

use std::collections::BTreeMap;

use vanus_expr::{EventView, Filter, FilterError, Selector};
use vanus_types::control::{
    FilterSpec, Percent, RouteRetry, RouteSlots, RouteSpec, RoutesSpec, Sticky, StickyMode, weights,
};

use super::{
    pins::Pins,
    slots::{SLOTS, owners},
};
use crate::trigger::keys::hash;

/// All groups of a subscription, compiled.
#[derive(Debug)]
pub(super) struct Table {
    /// The first is where events come to.
    groups: Vec<Group>,
    pub(super) retry: RouteRetry,
}

#[derive(Debug)]
struct Group {
    /// A number that is the same as long as the name is.
    salt: u64,
    sticky: Option<(Selector, StickyMode)>,
    routes: Vec<Route>,
    /// Who owns which slot, where keys stay.
    owners: Vec<Option<u8>>,
}

#[derive(Debug)]
struct Route {
    name: String,
    salt: u64,
    /// The group it leads to, if it has no sink.
    group: Option<usize>,
    weight: u32,
    condition: Option<(Filter, u32)>,
}

/// What is known of an event besides itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Draw<'d> {
    /// The same for the same event, and for no other.
    pub(super) event: u64,
    /// A route to be avoided if there is another way.
    pub(super) avoid: Option<&'d str>,
}

/// Checks what a caller asks for beyond its form.
///
/// # Errors
/// [`FilterError`] when a condition, or the name of a value, cannot be read.
pub(crate) fn check(spec: &RoutesSpec) -> Result<(), FilterError> {
    Table::new(spec, &RouteSlots::new()).map(drop)?;
    for rewrite in spec.every_route().flat_map(|route| &route.rewrites) {
        rewrite.condition.as_ref().map(compiled).transpose()?;
    }
    Ok(())
}

pub(super) fn compiled(condition: &FilterSpec) -> Result<Filter, FilterError> {
    Filter::compile(std::slice::from_ref(condition))
}

impl Table {
    /// Compiles `spec`, with the slots that were dealt.
    pub(super) fn new(spec: &RoutesSpec, slots: &RouteSlots) -> Result<Self, FilterError> {
        let numbers = spec.groups.keys().map(String::as_str);
        let numbers: BTreeMap<&str, usize> = numbers.zip(1..).collect();
        let mut groups = vec![Group::new(
            "",
            &spec.routes,
            spec.sticky.as_ref(),
            slots,
            &numbers,
        )?];
        for (name, group) in &spec.groups {
            let sticky = group.sticky.as_ref();
            groups.push(Group::new(name, &group.routes, sticky, slots, &numbers)?);
        }
        Ok(Self {
            groups,
            retry: spec.retry,
        })
    }

    /// Whether there is a route with a sink of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        let mut routes = self.groups.iter().flat_map(|group| &group.routes);
        routes.any(|route| route.name == name && route.group.is_none())
    }

    /// The route of an event, which has a sink.
    pub(super) fn choose(
        &self,
        view: &EventView<'_>,
        draw: Draw<'_>,
        pins: &mut Pins,
    ) -> Option<&str> {
        let mut at = self.groups.first()?;
        // No group leads to itself, so that this many steps lead to a sink.
        for _ in 0..self.groups.len() {
            let route = self.step(at, view, draw, pins)?;
            match route.group {
                None => return Some(&route.name),
                Some(next) => at = self.groups.get(next)?,
            }
        }
        None
    }

    /// The route of an event in one group.
    fn step<'t>(
        &'t self,
        group: &'t Group,
        view: &EventView<'_>,
        draw: Draw<'_>,
        pins: &mut Pins,
    ) -> Option<&'t Route> {
        let sticky = group.sticky.as_ref().filter(|_| draw.avoid.is_none());
        let key = sticky.and_then(|(selector, mode)| {
            selector
                .text(view)
                .map(|text| (hash(&text) ^ group.salt, *mode))
        });
        if let Some((key, StickyMode::Pinned)) = key {
            let pinned = pins.get(key);
            let pinned = pinned.and_then(|name| group.routes.iter().find(|r| r.name == name));
            if let Some(route) = pinned {
                return Some(route);
            }
        }
        let chance = mix(key.map_or(draw.event, |(key, _)| key) ^ group.salt);
        let open = |route: &Route| !draw.avoid.is_some_and(|avoid| self.is_only(route, avoid));
        let route = group
            .by_condition(view, chance)
            .filter(|route| open(route))
            .or_else(|| match key {
                Some((key, StickyMode::Share)) => group.by_slot(key),
                _ => None,
            })
            .or_else(|| group.by_weight(chance, open))
            .or_else(|| group.by_weight(chance, |_| true))?;
        if let Some((key, StickyMode::Pinned)) = key {
            pins.pin(key, &route.name);
        }
        Some(route)
    }

    /// Whether whatever goes to `route` ends at the route `name`.
    fn is_only(&self, route: &Route, name: &str) -> bool {
        match route.group {
            None => route.name == name,
            Some(group) => self.groups.get(group).is_some_and(|group| {
                let mut routes = group.routes.iter().filter(|route| route.weight > 0);
                routes.all(|route| self.is_only(route, name))
            }),
        }
    }
}

impl Group {
    fn new(
        name: &str,
        routes: &[RouteSpec],
        sticky: Option<&Sticky>,
        slots: &RouteSlots,
        numbers: &BTreeMap<&str, usize>,
    ) -> Result<Self, FilterError> {
        let weights = weights(routes).unwrap_or_default();
        let dealt = slots.get(name).map_or(&[][..], Vec::as_slice);
        let sticky = match sticky {
            Some(sticky) => Some((Selector::parse(&sticky.by)?, sticky.mode)),
            None => None,
        };
        let owners = match sticky {
            Some((_, StickyMode::Share)) => owners(routes, dealt),
            _ => Vec::new(),
        };
        let route = |(spec, weight): (&RouteSpec, Percent)| {
            let strength = spec.strength.unwrap_or(Percent::WHOLE).hundredths();
            let condition = spec.condition.as_ref().map(compiled).transpose()?;
            Ok(Route {
                name: spec.name.clone(),
                salt: hash(spec.name.as_bytes()),
                group: spec
                    .group
                    .as_deref()
                    .and_then(|name| numbers.get(name).copied()),
                weight: weight.hundredths(),
                condition: condition.map(|filter| (filter, strength)),
            })
        };
        let routes = routes.iter().zip(weights).map(route);
        Ok(Self {
            salt: hash(name.as_bytes()),
            sticky,
            routes: routes.collect::<Result<_, FilterError>>()?,
            owners,
        })
    }

    /// The first route that wants the event, if it is strong enough for this one.
    fn by_condition(&self, view: &EventView<'_>, chance: u64) -> Option<&Route> {
        let wants = |route: &&Route| {
            let condition = route.condition.as_ref();
            condition.is_some_and(|(filter, _)| filter.matches(view))
        };
        let route = self.routes.iter().find(wants)?;
        let (_, strength) = route.condition.as_ref()?;
        let drawn = mix(chance ^ route.salt) % u64::from(Percent::WHOLE.hundredths());
        (drawn < u64::from(*strength)).then_some(route)
    }

    fn by_slot(&self, key: u64) -> Option<&Route> {
        let slot = usize::try_from(mix(key) % SLOTS as u64).ok()?;
        let owner = self.owners.get(slot).copied().flatten()?;
        self.routes.get(usize::from(owner))
    }

    /// One of the routes that are open, by weight.
    fn by_weight(&self, chance: u64, open: impl Fn(&Route) -> bool) -> Option<&Route> {
        let routes = || self.routes.iter().filter(|route| open(route));
        let sum: u64 = routes().map(|route| u64::from(route.weight)).sum();
        let mut drawn = mix(chance).checked_rem(sum)?;
        routes().find(|route| match drawn.checked_sub(route.weight.into()) {
            Some(rest) => {
                drawn = rest;
                false
            }
            None => true,
        })
    }
}

/// A number that looks like chance (`SplitMix64`).
pub(super) const fn mix(number: u64) -> u64 {
    let number = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests;
