//! The command line as a whole: what is said for every command, and which commands there are.

use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::{
    bench::BenchCommand,
    cluster,
    cluster::ClusterCommand,
    completions,
    context::Context,
    error::CliError,
    event::EventCommand,
    eventbus::EventbusCommand,
    namespace::NamespaceCommand,
    parse::{duration, endpoint},
    route::RouteCommand,
    schedule::ScheduleCommand,
    store::StoreCommand,
    subscription::SubscriptionCommand,
    timer::TimerCommand,
};

const EXAMPLES: &str = "\
Examples:
  vsctl eventbus create --name orders
  vsctl event put orders --type order.placed --data '{\"total\": 12}'
  vsctl event get orders --number 5
  vsctl subscription create --name bill --eventbus orders --sink http://127.0.0.1:9000/
  vsctl --format json cluster info

Exit codes:
  0    done
  1    the server refused or failed
  2    the command line, or a file it names, is wrong
  3    no server could be reached, the connection broke, or the answer did not come in time
  130  interrupted

JSON (--format json):
  Namespaces, eventbuses and subscriptions are their records; a list is an array of them. Fields
  that end in _ms are milliseconds, times since the Unix epoch; ids are hexadecimal text.
  Events are {\"eventlog\", \"offset\", \"event_id\", \"append_time\", \"event\"}, where \"event\" is the
  CloudEvent in its JSON format. What went wrong is printed to standard error as
  {\"error\": {\"code\", \"title\", \"message\", \"hint\"}}.";

/// The command line client of Vanus.
#[derive(Debug, Parser)]
#[command(name = "vsctl", version, about, after_help = EXAMPLES)]
#[command(max_term_width = 100, infer_subcommands = false)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What is said for every command.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// Where servers are, host:port over QUIC; several are tried in turn
    #[arg(long, global = true, env = "VANUS_GATEWAY", value_name = "HOST:PORT,…")]
    #[arg(default_value = "127.0.0.1:8080", value_delimiter = ',', value_parser = endpoint)]
    pub(crate) endpoint: Vec<String>,

    /// How answers are printed; errors take the same form
    #[arg(long, global = true, env = "VANUS_FORMAT", value_enum, default_value_t = Format::Table)]
    pub(crate) format: Format,

    /// Believe only servers whose certificate these authorities vouch for: a PEM file
    #[arg(long, global = true, env = "VANUS_CA", value_name = "FILE")]
    pub(crate) ca: Option<String>,

    /// How long one request may take, with all its tries
    #[arg(long, global = true, env = "VANUS_TIMEOUT", value_name = "DURATION")]
    #[arg(default_value = "10s", value_parser = duration)]
    pub(crate) timeout: Duration,

    /// Log what happens, to standard error
    #[arg(short = 'D', long, global = true, env = "VANUS_DEBUG")]
    pub(crate) debug: bool,
}

/// How answers are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people: aligned columns, times in RFC 3339.
    Table,
    /// For programs: JSON, one document per command (one per line where events are followed).
    Json,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Publish, read and look up events
    #[command(subcommand)]
    Event(EventCommand),
    /// Create, list, describe, change and delete eventbuses
    #[command(subcommand, visible_alias = "eb")]
    Eventbus(EventbusCommand),
    /// Create, list, describe and delete namespaces
    #[command(subcommand, visible_alias = "ns")]
    Namespace(NamespaceCommand),
    /// Create, change, pause, move and inspect subscriptions and their dead letters
    #[command(subcommand, visible_alias = "sub")]
    Subscription(SubscriptionCommand),
    /// Show and change the routes of a subscription: how much goes to which sink
    #[command(subcommand)]
    Route(RouteCommand),
    /// Let events wait for their time, and look after those that do
    #[command(subcommand)]
    Timer(TimerCommand),
    /// Make events again and again: schedules in the notation of cron, with time zones
    #[command(subcommand)]
    Schedule(ScheduleCommand),
    /// Describe the node
    #[command(subcommand)]
    Cluster(ClusterCommand),
    /// Describe, verify and repair the data directory of a daemon that does not run
    #[command(subcommand)]
    Store(StoreCommand),
    /// Measure what a server, a disk or the embedded engine does
    #[command(subcommand)]
    Bench(BenchCommand),
    /// Tell the version of this program
    #[command(after_help = "Examples:\n  vsctl version\n  vsctl version --format json")]
    Version,
    /// Print the completions of a shell
    #[command(after_help = "Examples:\n  vsctl completions bash\n  vsctl completions zsh")]
    Completions {
        /// The shell
        shell: Shell,
    },
}

impl Command {
    /// Whether the command keeps more than one thread busy.
    pub(crate) const fn wants_threads(&self) -> bool {
        matches!(self, Self::Bench(bench) if bench.wants_threads())
    }

    /// Does what was asked for and prints the answer.
    pub(crate) async fn run(self, context: &Context) -> Result<(), CliError> {
        match self {
            Self::Event(command) => command.run(context).await,
            Self::Eventbus(command) => command.run(context).await,
            Self::Namespace(command) => command.run(context).await,
            Self::Subscription(command) => command.run(context).await,
            Self::Route(command) => Box::pin(command.run(context)).await,
            Self::Timer(command) => Box::pin(command.run(context)).await,
            Self::Schedule(command) => Box::pin(command.run(context)).await,
            Self::Cluster(command) => command.run(context).await,
            Self::Store(command) => Box::pin(command.run(context)).await,
            Self::Bench(command) => Box::pin(command.run(context)).await,
            Self::Version => cluster::version(context),
            Self::Completions { shell } => completions::print(context, shell),
        }
    }
}

#[cfg(test)]
mod tests;
