//! Opens the sinks of subscriptions.

use std::sync::{Arc, Weak};

use vanus_net::{
    egress::EgressPolicy,
    http::{HttpClient, HttpTarget},
};
use vanus_types::{
    Clock,
    control::{Protocol, SubscriptionSpec},
};

use super::{
    context::Context, gcloud::FunctionsSink, grpc::GrpcSink, host::SinkHost, http::HttpSink,
    lambda::LambdaSink,
};
use crate::trigger::sink::{Agreement, Sink, SinkError, SinkFactory};

/// Opens sinks that share one client and its connections.
#[derive(Debug)]
pub(crate) struct AddressSinks {
    context: Arc<Context>,
    client: HttpClient,
    egress: EgressPolicy,
    aws_lambda_endpoint: Option<String>,
}

impl AddressSinks {
    /// Sinks that are connected to as far as `egress` allows it. Functions of AWS Lambda are called at
    /// the endpoint given, or at that of their region.
    pub(crate) fn new(
        client: HttpClient,
        egress: EgressPolicy,
        aws_lambda_endpoint: Option<String>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            context: Arc::new(Context::new(clock)),
            client,
            egress,
            aws_lambda_endpoint,
        }
    }
}

impl SinkFactory for AddressSinks {
    fn open(
        &self,
        spec: &SubscriptionSpec,
        agreement: &Agreement<'_>,
    ) -> Result<Arc<dyn Sink>, SinkError> {
        let client = self.client.guarded(self.egress.of(&spec.namespace));
        let context = Arc::clone(&self.context);
        Ok(match spec.protocol {
            Protocol::Http => {
                let target = HttpTarget::parse(&spec.sink)?;
                // Names are checked each time they are resolved for a connection.
                target.check(client.egress())?;
                Arc::new(HttpSink::new(context, client, target, spec, agreement)?)
            }
            Protocol::AwsLambda => {
                let endpoint = self.aws_lambda_endpoint.as_deref();
                Arc::new(LambdaSink::open(context, client, endpoint, spec)?)
            }
            Protocol::GcloudFunctions => Arc::new(FunctionsSink::open(context, client, spec)?),
            Protocol::Grpc => Arc::new(GrpcSink::open(client, spec, agreement)?),
        })
    }

    fn bind(&self, host: Weak<dyn SinkHost>) {
        self.context.bind(host);
    }
}
