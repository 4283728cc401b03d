//! Routes: a sink that is several, of which each event goes to one.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{
    filter::FilterSpec,
    invalid::{InvalidSpec, check_length, check_range},
    percent::Percent,
};
use crate::{
    codec::{Decode, Encode},
    limits::{MAX_KEY_LEN, MAX_NAME_LEN, MAX_ROUTES},
};

/// The routes of a subscription: the group an event comes to first, and groups that routes lead to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoutesSpec {
    /// The routes, in the order in which their conditions are asked.
    pub routes: Vec<RouteSpec>,
    /// Keeps events with a value in common on one route.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sticky: Option<Sticky>,
    /// Where an event goes whose delivery failed.
    #[serde(default)]
    pub retry: RouteRetry,
    /// Groups that routes lead to by their names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub groups: BTreeMap<String, RouteGroup>,
}

/// A group that a route leads to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouteGroup {
    /// The routes, in the order in which their conditions are asked.
    pub routes: Vec<RouteSpec>,
    /// Keeps events with a value in common on one route.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sticky: Option<Sticky>,
}

/// One way that events may go.
///
/// The first route whose condition an event passes takes its strength of such events. Everything
/// else is shared by weight, over all routes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouteSpec {
    /// Its name, unique in all groups of the subscription.
    pub name: String,
    /// Where its events go; else to a group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sink: Option<String>,
    /// The group its events go to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Its part of what no condition decides. Those without share what is left evenly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<Percent>,
    /// What it wants.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<FilterSpec>,
    /// How much it takes of what it wants: all, unless it is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strength: Option<Percent>,
    /// Other paths for the address of its sink. The first whose condition passes is taken.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rewrites: Vec<Rewrite>,
    /// Headers of its requests, beside those of the subscription or in their place.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
}

/// Another path of a sink.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rewrite {
    /// The path, with its query, in place of that of the address.
    pub path: String,
    /// Which events it is for; else all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<FilterSpec>,
}

/// What keeps events on a route.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sticky {
    /// An attribute, `data` or `data.path`. Events without it are shared as if nothing were sticky.
    pub by: String,
    /// How long they stay.
    #[serde(default)]
    pub mode: StickyMode,
}

/// How long a key stays on its route.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Encode, Decode, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum StickyMode {
    /// As long as the weights allow: a key never leaves a route whose weight does not fall.
    #[default]
    Share,
    /// Until the route is removed, whatever its weight becomes.
    Pinned,
}

/// Where an event goes whose delivery failed.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Encode, Decode, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum RouteRetry {
    /// To the same route.
    #[default]
    Same,
    /// To another one, by weight.
    FailOver,
}

/// Who owns which part of the keys of each sticky group, which is named: routes, each with how many
/// of the ten thousand parts in a row.
pub type RouteSlots = BTreeMap<String, Vec<(String, u32)>>;

impl RoutesSpec {
    /// Checks names, sums and references; that the sinks are addresses is checked with that of the
    /// subscription.
    ///
    /// # Errors
    /// [`InvalidSpec`] says what is wrong with which route.
    pub fn check(&self) -> Result<(), InvalidSpec> {
        let mut names = BTreeSet::new();
        for (group, routes, sticky) in self.all() {
            self.check_group(group, routes, &mut names)?;
            if let Some(sticky) = sticky {
                check_length("sticky.by", &sticky.by, MAX_KEY_LEN)?;
            }
        }
        check_range("routes", names.len() as u64, 1, MAX_ROUTES as u64)?;
        self.check_cycles()
    }

    /// Every group with its name; that of the first is empty.
    fn all(&self) -> impl Iterator<Item = (&str, &[RouteSpec], Option<&Sticky>)> {
        let groups = self.groups.iter();
        let groups = groups.map(|(name, group)| {
            (
                name.as_str(),
                group.routes.as_slice(),
                group.sticky.as_ref(),
            )
        });
        std::iter::once(("", self.routes.as_slice(), self.sticky.as_ref())).chain(groups)
    }

    /// Every route of every group.
    pub fn every_route(&self) -> impl Iterator<Item = &RouteSpec> {
        self.all().flat_map(|(_, routes, _)| routes)
    }

    /// Every route of every group, to be changed.
    pub(super) fn every_route_mut(&mut self) -> impl Iterator<Item = &mut RouteSpec> {
        let groups = self.groups.values_mut();
        let grouped = groups.flat_map(|group| &mut group.routes);
        self.routes.iter_mut().chain(grouped)
    }

    fn check_group<'s>(
        &'s self,
        group: &str,
        routes: &'s [RouteSpec],
        names: &mut BTreeSet<&'s str>,
    ) -> Result<(), InvalidSpec> {
        let bad = |route: &str, why: &'static str| {
            let route = route.to_owned();
            Err(InvalidSpec::Route { route, why })
        };
        for route in routes {
            check_length("route name", &route.name, MAX_NAME_LEN)?;
            let letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
            if route.name.is_empty() || !route.name.chars().all(letter) {
                return bad(
                    &route.name,
                    "has a name with other characters than letters, digits, - _ .",
                );
            }
            if !names.insert(&route.name) {
                return bad(&route.name, "has the name of another route");
            }
            match (&route.sink, &route.group) {
                (Some(_), None) => {}
                (None, Some(group)) if self.groups.contains_key(group) => {
                    if !route.rewrites.is_empty() || !route.headers.is_empty() {
                        return bad(
                            &route.name,
                            "leads to a group, which has no path and no headers",
                        );
                    }
                }
                (None, Some(_)) => return bad(&route.name, "leads to a group that does not exist"),
                _ => return bad(&route.name, "needs either a sink or a group"),
            }
            if route.strength.is_some() && route.condition.is_none() {
                return bad(&route.name, "has a strength without a condition");
            }
            if route
                .rewrites
                .iter()
                .any(|rewrite| !rewrite.path.starts_with('/'))
            {
                return bad(&route.name, "has a path that does not begin with /");
            }
            let conditions = route
                .rewrites
                .iter()
                .filter_map(|rewrite| rewrite.condition.as_ref());
            for condition in route.condition.iter().chain(conditions) {
                FilterSpec::check_all(std::slice::from_ref(condition))?;
            }
        }
        weights(routes)
            .map(drop)
            .map_err(|sum| InvalidSpec::RouteWeights {
                group: if group.is_empty() {
                    "the routes".to_owned()
                } else {
                    format!("group \"{group}\"")
                },
                sum,
            })
    }

    /// No group leads to itself, directly or by others.
    fn check_cycles(&self) -> Result<(), InvalidSpec> {
        // Groups that lead nowhere but to groups that are done, are done; what is left is a circle.
        let mut left: BTreeMap<&str, &RouteGroup> =
            self.groups.iter().map(|(n, g)| (n.as_str(), g)).collect();
        loop {
            let open = |group: &RouteGroup| {
                let mut leads = group
                    .routes
                    .iter()
                    .filter_map(|route| route.group.as_deref());
                leads.any(|name| left.contains_key(name))
            };
            let done: Vec<&str> = left
                .iter()
                .filter(|(_, g)| !open(g))
                .map(|(n, _)| *n)
                .collect();
            if done.is_empty() {
                break;
            }
            for name in done {
                left.remove(name);
            }
        }
        match left.first_key_value() {
            Some((name, _)) => Err(InvalidSpec::RouteCycle((*name).to_owned())),
            None => Ok(()),
        }
    }
}

/// The weights of routes, those that are not said filled in: they share what is left evenly, the
/// last one takes the rest.
///
/// # Errors
/// The sum of those that are said, if it is more than 100 percent, or if there is nobody to
/// take what is missing.
pub fn weights(routes: &[RouteSpec]) -> Result<Vec<Percent>, Percent> {
    let said = routes.iter().filter_map(|route| route.weight);
    let sum = said
        .map(|weight| u64::from(weight.hundredths()))
        .sum::<u64>();
    let told = Percent::from_hundredths(u32::try_from(sum).unwrap_or(u32::MAX));
    let open = routes.iter().filter(|route| route.weight.is_none()).count() as u64;
    let whole = u64::from(Percent::WHOLE.hundredths());
    let left = whole.checked_sub(sum).ok_or(told)?;
    if open == 0 && left > 0 {
        return Err(told);
    }
    let mut unsaid = 0;
    let weight = |route: &RouteSpec| {
        route.weight.unwrap_or_else(|| {
            unsaid += 1;
            let each = left / open.max(1);
            let mine = if unsaid == open {
                left - each * (open - 1)
            } else {
                each
            };
            Percent::from_hundredths(u32::try_from(mine).unwrap_or(0))
        })
    };
    Ok(routes.iter().map(weight).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes(json: &str) -> RoutesSpec {
        serde_json::from_str(json).unwrap()
    }

    fn refused(json: &str) -> String {
        routes(json).check().unwrap_err().to_string()
    }

    #[test]
    fn weights_that_are_not_said_share_what_is_left() {
        let of = |json: &str| {
            let all = weights(&routes(json).routes).unwrap();
            all.iter()
                .map(|weight| weight.hundredths())
                .collect::<Vec<_>>()
        };
        let sink = r#""sink": "http://a/""#;
        assert_eq!(
            of(&format!(r#"{{"routes": [{{"name": "a", {sink}}}]}}"#)),
            [10_000]
        );
        let three = format!(
            r#"{{"routes": [{{"name": "a", {sink}}}, {{"name": "b", {sink}, "weight": "0.01%"}}, {{"name": "c", {sink}}}, {{"name": "d", {sink}}}]}}"#
        );
        assert_eq!(of(&three), [3333, 1, 3333, 3333]);
    }

    #[test]
    fn sums_names_and_references_are_checked() {
        let two = |a: &str, b: &str| {
            format!(
                r#"{{"routes": [{{"name": "a", "sink": "http://a/", "weight": {a}}}, {{"name": "b", "sink": "http://b/", "weight": {b}}}]}}"#
            )
        };
        routes(&two("99.99", "0.01")).check().unwrap();
        assert_eq!(
            refused(&two("60", "50")),
            "the weights of the routes are 110% together, they must be 100%"
        );
        assert!(refused(&two("0", "99.99")).contains("99.99%"));
        assert!(serde_json::from_str::<RoutesSpec>(&two("0.001", "99.999")).is_err());
        let same = two("50", "50").replace(r#""b""#, r#""a""#);
        assert!(refused(&same).contains("name of another route"));
        assert!(refused(r#"{"routes": [{"name": "a"}]}"#).contains("needs either"));
        assert!(refused(r#"{"routes": [{"name": "a", "group": "x"}]}"#).contains("does not exist"));
        assert!(
            refused(r#"{"routes": [{"name": "a", "sink": "http://a/", "strength": 5}]}"#)
                .contains("without a condition")
        );
        assert!(refused(r#"{"routes": []}"#).contains("weights"));
    }

    #[test]
    fn a_group_that_leads_to_itself_is_refused() {
        let text = r#"{"routes": [{"name": "in", "group": "x"}],
            "groups": {"x": {"routes": [{"name": "a", "group": "y"}]},
                       "y": {"routes": [{"name": "b", "group": "x", "weight": 50}, {"name": "c", "sink": "http://c/"}]}}}"#;
        assert!(
            refused(text).contains("leads to itself"),
            "{}",
            refused(text)
        );
        routes(&text.replace(r#""b", "group": "x""#, r#""b", "sink": "http://b/""#))
            .check()
            .unwrap();
    }
}
