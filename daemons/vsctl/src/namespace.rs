//! `vsctl namespace`.

use clap::Subcommand;
use serde_json::json;
use vanus_proto::message::NamespaceKey;
use vanus_types::{
    Name, NamespaceId,
    control::{NamespaceRecord, NamespaceSpec},
};

use crate::{context::Context, error::CliError, human, output::Field};

/// What can be done with namespaces.
#[derive(Debug, Subcommand)]
pub(crate) enum NamespaceCommand {
    /// Create a namespace
    #[command(after_help = "Examples:
  vsctl namespace create --name shop
  vsctl namespace create --name shop --description 'everything that is sold'")]
    Create {
        /// Its name: 1 to 128 characters out of 0-9 a-z A-Z . - _
        #[arg(long)]
        name: Name,
        /// What people should know about it
        #[arg(long, default_value = "", hide_default_value = true)]
        description: String,
        /// An id of your choice, hexadecimal; else one is made
        #[arg(long, value_name = "HEX")]
        id: Option<NamespaceId>,
    },
    /// List all namespaces
    #[command(
        after_help = "Examples:\n  vsctl namespace list\n  vsctl namespace list --format json"
    )]
    List,
    /// Describe a namespace
    #[command(after_help = "Examples:\n  vsctl namespace info --name default")]
    Info {
        /// Its name
        #[arg(long)]
        name: Name,
    },
    /// Delete an empty namespace
    #[command(after_help = "Examples:\n  vsctl namespace delete --name shop")]
    Delete {
        /// Its name
        #[arg(long)]
        name: Name,
    },
}

impl NamespaceCommand {
    pub(crate) async fn run(self, context: &Context) -> Result<(), CliError> {
        let output = context.output();
        match self {
            Self::Create {
                name,
                description,
                id,
            } => {
                let spec = NamespaceSpec {
                    name,
                    description,
                    id,
                };
                spec.check().map_err(|error| CliError::invalid(&error))?;
                let record = context.admin().await?.create_namespace(spec).await?;
                output.one(&record, || fields(&record))
            }
            Self::List => {
                let records = context.admin().await?.list_namespaces().await?;
                output.many(&records, "There are no namespaces.", COLUMNS, row)
            }
            Self::Info { name } => {
                let key = NamespaceKey::Name(name);
                let record = context.admin().await?.get_namespace(key).await?;
                output.one(&record, || fields(&record))
            }
            Self::Delete { name } => {
                let key = NamespaceKey::Name(name.clone());
                context.admin().await?.delete_namespace(key).await?;
                output.done(
                    &json!({ "deleted": { "namespace": name } }),
                    &format!("Namespace \"{name}\" is deleted."),
                )
            }
        }
    }
}

const COLUMNS: &[&str] = &["ID", "NAME", "CREATED", "DESCRIPTION"];

fn row(record: &NamespaceRecord) -> Vec<String> {
    vec![
        record.id.to_string(),
        record.name.to_string(),
        human::time(Some(record.created_at_ms)),
        human::shorten(&record.description, 60),
    ]
}

fn fields(record: &NamespaceRecord) -> Vec<Field> {
    vec![
        ("ID", record.id.to_string()),
        ("Name", record.name.to_string()),
        ("Description", human::or_dash(&record.description)),
        ("Created", human::time(Some(record.created_at_ms))),
        ("Updated", human::time(Some(record.updated_at_ms))),
    ]
}
