//! How requests to a sink look: the options that creating and changing a subscription share.

use std::time::Duration;

use clap::{Args, ValueEnum};
use serde_json::Value;
use vanus_types::{
    Name,
    control::{
        Credential, DeliveryMode, DeliverySpec, HandshakeSpec, Protocol, Secret, SubscriptionSpec,
    },
};

use crate::{error::CliError, input, parse::duration};

/// What can be said about the requests to a sink; what is not said stays as it is.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Requests to the sink")]
pub(super) struct DeliveryFlags {
    /// How the sink is spoken to
    #[arg(long, group = "change", value_name = "PROTOCOL")]
    protocol: Option<ProtocolName>,
    /// The kind of what is shown to the sink to be let in
    #[arg(
        long,
        alias = "sink-credential-type",
        group = "change",
        value_name = "TYPE"
    )]
    credential_type: Option<CredentialType>,
    /// What is shown to the sink: JSON with the fields of its type, or @file; for gcloud also the key
    /// file of a service account as it is
    #[arg(
        long,
        alias = "sink-credential",
        group = "change",
        value_name = "JSON|@FILE"
    )]
    #[arg(requires = "credential_type")]
    credential: Option<String>,
    /// How an HTTP request carries events: in headers and body, as JSON, or many as a JSON array
    #[arg(long, group = "change", value_name = "MODE")]
    delivery_mode: Option<Mode>,
    /// Most events of one request, where requests carry many
    #[arg(long, group = "change", value_name = "NUMBER")]
    batch_size: Option<u32>,
    /// How long an event waits for others to share its request, where requests carry many
    #[arg(long, group = "change", value_parser = duration, value_name = "DURATION")]
    batch_linger: Option<Duration>,
    /// The eventbus, of the same namespace, for the events an HTTP sink answers with; or none
    #[arg(long, group = "change", value_name = "EVENTBUS")]
    reply: Option<Name>,
    /// Ask an HTTP sink first (webhook handshake): the DNS name of this sender; or none
    #[arg(long, group = "change", value_name = "NAME")]
    webhook_origin: Option<String>,
    /// The rate that an HTTP sink is asked for, in deliveries a minute
    #[arg(long, group = "change", value_name = "NUMBER")]
    webhook_rate: Option<u32>,
    /// The front door as an HTTP sink reaches it, so that the sink may agree later
    #[arg(long, group = "change", value_name = "URL")]
    webhook_callback: Option<String>,
}

/// A protocol by its name.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum ProtocolName {
    Http,
    AwsLambda,
    GcloudFunctions,
    Grpc,
}

/// A kind of credential by its name.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum CredentialType {
    None,
    Plain,
    Bearer,
    Aws,
    Gcloud,
}

/// A content mode by its name.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Mode {
    Binary,
    Structured,
    Batch,
}

impl DeliveryFlags {
    /// The subscription with what is said put in.
    pub(super) fn apply(&self, mut spec: SubscriptionSpec) -> Result<SubscriptionSpec, CliError> {
        spec.protocol = match self.protocol {
            None => spec.protocol,
            Some(ProtocolName::Http) => Protocol::Http,
            Some(ProtocolName::AwsLambda) => Protocol::AwsLambda,
            Some(ProtocolName::GcloudFunctions) => Protocol::GcloudFunctions,
            Some(ProtocolName::Grpc) => Protocol::Grpc,
        };
        if let Some(kind) = self.credential_type {
            spec.credential = self.credential(kind)?;
        }
        spec.delivery = self.delivery(spec.delivery)?;
        Ok(spec)
    }

    fn credential(&self, kind: CredentialType) -> Result<Credential, CliError> {
        let kind = match kind {
            CredentialType::None => return Ok(Credential::None),
            CredentialType::Plain => "plain",
            CredentialType::Bearer => "bearer",
            CredentialType::Aws => "aws",
            CredentialType::Gcloud => "gcloud",
        };
        let text = self.credential.as_deref().map(input::text_or_file);
        let text = text.transpose()?.ok_or_else(|| {
            CliError::argument(format!("--credential-type {kind} needs --credential"))
        })?;
        // What is wrong is told without the text: it is a secret.
        let bad = || {
            let fields = "plain: identifier, secret; bearer: token; aws: access_key_id, secret_access_key; gcloud: credentials_json";
            CliError::argument(format!(
                "--credential is no JSON object with the fields of {kind} ({fields})"
            ))
        };
        let Ok(Value::Object(mut fields)) = serde_json::from_str(&text) else {
            return Err(bad());
        };
        if kind == "gcloud" && fields.contains_key("private_key") {
            return Ok(Credential::Gcloud {
                credentials_json: Secret::new(text),
            });
        }
        fields.insert("type".to_owned(), Value::from(kind));
        serde_json::from_value(Value::Object(fields)).map_err(|_| bad())
    }

    fn handshake(&self, now: Option<HandshakeSpec>) -> Result<Option<HandshakeSpec>, CliError> {
        let origin = match self.webhook_origin.as_deref() {
            Some("none") => return Ok(None),
            Some(origin) => Some(origin.to_owned()),
            None => now.as_ref().map(|now| now.origin.clone()),
        };
        let (rate, callback) = now.map_or((None, None), |now| (now.rate, now.callback));
        let (rate, callback) = (
            self.webhook_rate.or(rate),
            self.webhook_callback.clone().or(callback),
        );
        match origin {
            Some(origin) => Ok(Some(HandshakeSpec {
                origin,
                rate,
                callback,
            })),
            None if rate.is_some() || callback.is_some() => Err(CliError::argument(
                "--webhook-rate and --webhook-callback need --webhook-origin",
            )),
            None => Ok(None),
        }
    }

    fn delivery(&self, now: DeliverySpec) -> Result<DeliverySpec, CliError> {
        Ok(DeliverySpec {
            mode: match self.delivery_mode {
                None => now.mode,
                Some(Mode::Binary) => DeliveryMode::Binary,
                Some(Mode::Structured) => DeliveryMode::Structured,
                Some(Mode::Batch) => DeliveryMode::Batch,
            },
            batch_events: self.batch_size.unwrap_or(now.batch_events),
            batch_linger_ms: self.batch_linger.map_or(now.batch_linger_ms, |linger| {
                u32::try_from(linger.as_millis()).unwrap_or(u32::MAX)
            }),
            reply: match &self.reply {
                None => now.reply,
                Some(none) if none.as_str() == "none" => None,
                Some(eventbus) => Some(eventbus.clone()),
            },
            handshake: self.handshake(now.handshake)?,
        })
    }
}
