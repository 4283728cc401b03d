//! `vsctl route`: the routes of a subscription, and how much goes where.

use clap::{Args, Subcommand};
use vanus_types::{
    SubscriptionId,
    control::{FilterSpec, Percent, RouteSpec, RoutesSpec, SubscriptionInfo, SubscriptionSpec},
};

use crate::{
    context::Context,
    error::CliError,
    input,
    parse::{Weight, filters, routes, weight},
};

/// What can be done with routes.
#[derive(Debug, Subcommand)]
pub(crate) enum RouteCommand {
    /// List the routes of a subscription
    #[command(after_help = "Examples:\n  vsctl route list --id 00000000000000AB")]
    List(IdFlag),
    /// Change weights; the next event goes by the new ones
    #[command(after_help = "Examples:
  vsctl route update --id 00000000000000AB --weights stable=90,canary=10
  vsctl route update --id 00000000000000AB --weights stable@99.99%,canary@0.01%")]
    Update {
        #[command(flatten)]
        id: IdFlag,
        /// Routes with their weights, which are 100 percent with those that are not named
        #[arg(long, value_delimiter = ',', required = true, value_parser = weight)]
        #[arg(value_name = "ROUTE=PERCENT,...")]
        weights: Vec<Weight>,
    },
    /// Change the condition or the strength of a route
    #[command(after_help = "Examples:
  vsctl route set --id 00000000000000AB --route canary \\
    --condition '{\"exact\": {\"type\": \"order.test\"}}' --strength 50
  vsctl route set --id 00000000000000AB --route canary --no-condition")]
    Set {
        #[command(flatten)]
        id: IdFlag,
        /// The name of the route
        #[arg(long, value_name = "NAME")]
        route: String,
        /// What it wants: a filter as JSON, or @file
        #[arg(long, value_name = "JSON|@FILE")]
        condition: Option<String>,
        /// It wants nothing by itself
        #[arg(long, conflicts_with_all = ["condition", "strength"])]
        no_condition: bool,
        /// How much it takes of what it wants, in percent
        #[arg(long, value_name = "PERCENT")]
        strength: Option<Percent>,
    },
    /// Replace all routes
    #[command(
        after_help = "Examples:\n  vsctl route replace --id 00000000000000AB --routes @routes.json"
    )]
    Replace {
        #[command(flatten)]
        id: IdFlag,
        /// The routes: JSON, or @file
        #[arg(long, value_name = "JSON|@FILE")]
        routes: String,
    },
}

/// Which subscription.
#[derive(Debug, Args)]
pub(crate) struct IdFlag {
    /// The id of the subscription, hexadecimal
    #[arg(long, value_name = "HEX")]
    id: SubscriptionId,
}

impl RouteCommand {
    pub(crate) async fn run(self, context: &Context) -> Result<(), CliError> {
        match self {
            Self::List(IdFlag { id }) => {
                let info = context.admin().await?.get_subscription(id).await?;
                let mut spec = info.record.spec;
                let routes = the_routes(&mut spec)?;
                show(context, routes)
            }
            Self::Update { id, weights } => {
                change(context, id.id, |routes| set_weights(routes, &weights)).await
            }
            Self::Set {
                id,
                route,
                condition,
                no_condition,
                strength,
            } => {
                let condition = condition.as_deref().map(read_condition).transpose()?;
                let set = |routes: &mut RoutesSpec| {
                    let route = find(routes, &route)?;
                    if no_condition {
                        (route.condition, route.strength) = (None, None);
                    }
                    route.condition = condition.or(route.condition.take());
                    route.strength = strength.or(route.strength);
                    Ok(())
                };
                change(context, id.id, set).await
            }
            Self::Replace { id, routes: text } => {
                let new = routes(&input::text_or_file(&text)?)?;
                let replace = |routes: &mut RoutesSpec| {
                    *routes = new;
                    Ok(())
                };
                change(context, id.id, replace).await
            }
        }
    }
}

fn read_condition(text: &str) -> Result<FilterSpec, CliError> {
    let mut all = filters(&input::text_or_file(text)?)?;
    match (all.pop(), all.is_empty()) {
        (Some(one), true) => Ok(one),
        _ => Err(CliError::argument(
            "a condition is one filter; use \"all\" for several",
        )),
    }
}

/// Changes the routes of a subscription, and shows what they are then.
async fn change(
    context: &Context,
    id: SubscriptionId,
    change: impl FnOnce(&mut RoutesSpec) -> Result<(), CliError>,
) -> Result<(), CliError> {
    let admin = context.admin().await?;
    let mut spec = admin.get_subscription(id).await?.record.spec;
    change(the_routes(&mut spec)?)?;
    spec.check().map_err(|error| CliError::invalid(&error))?;
    let SubscriptionInfo { record, .. } = admin.update_subscription(id, spec).await?;
    let mut spec = record.spec;
    show(context, the_routes(&mut spec)?)
}

fn the_routes(spec: &mut SubscriptionSpec) -> Result<&mut RoutesSpec, CliError> {
    let none =
        "the subscription has no routes; give it some with vsctl subscription update --routes";
    spec.routes.as_mut().ok_or_else(|| CliError::argument(none))
}

fn find<'r>(routes: &'r mut RoutesSpec, name: &str) -> Result<&'r mut RouteSpec, CliError> {
    let groups = routes
        .groups
        .values_mut()
        .flat_map(|group| &mut group.routes);
    let mut all = routes.routes.iter_mut().chain(groups);
    let found = all.find(|route| route.name == name);
    found.ok_or_else(|| CliError::argument(format!("there is no route \"{name}\"")))
}

fn set_weights(routes: &mut RoutesSpec, weights: &[Weight]) -> Result<(), CliError> {
    for (name, percent) in weights {
        find(routes, name)?.weight = Some(*percent);
    }
    Ok(())
}

fn show(context: &Context, routes: &RoutesSpec) -> Result<(), CliError> {
    let output = context.output();
    if output.is_json() {
        return output.json(routes);
    }
    let groups = routes
        .groups
        .iter()
        .map(|(name, group)| (name.as_str(), &group.routes));
    let all = std::iter::once(("-", &routes.routes)).chain(groups);
    let rows = all.flat_map(|(group, routes)| {
        let weights = vanus_types::control::weights(routes).unwrap_or_default();
        let row = move |(route, weight): (&RouteSpec, Percent)| {
            let condition = route.condition.as_ref();
            let condition = condition.and_then(|filter| serde_json::to_string(filter).ok());
            let strength = route
                .condition
                .as_ref()
                .map(|_| route.strength.unwrap_or(Percent::WHOLE));
            let dash = || "-".to_owned();
            let leads = route.group.as_ref().map(|group| format!("group {group}"));
            vec![
                group.to_owned(),
                route.name.clone(),
                weight.to_string(),
                strength.map_or_else(dash, |strength| strength.to_string()),
                condition.unwrap_or_else(dash),
                route.sink.clone().or(leads).unwrap_or_else(dash),
            ]
        };
        routes.iter().zip(weights).map(row)
    });
    let columns = ["GROUP", "ROUTE", "WEIGHT", "STRENGTH", "CONDITION", "SINK"];
    output.rows(&columns, rows)
}
