//! Opens the sinks of subscriptions.

use std::sync::{Arc, Weak};

use vanus_net::{
    egress::EgressPolicy,
    http::{HttpClient, HttpTarget},
};
use vanus_types::{Clock, control::SubscriptionSpec};

use super::{context::Context, host::SinkHost, http::HttpSink};
use crate::trigger::sink::{Agreement, Sink, SinkError, SinkFactory};

/// Opens sinks that share one client and its connections.
#[derive(Debug)]
pub(crate) struct AddressSinks {
    context: Arc<Context>,
    client: HttpClient,
    egress: EgressPolicy,
}

impl AddressSinks {
    /// Sinks that are connected to as far as `egress` allows it.
    pub(crate) fn new(client: HttpClient, egress: EgressPolicy, clock: Arc<dyn Clock>) -> Self {
        Self {
            context: Arc::new(Context::new(clock)),
            client,
            egress,
        }
    }
}

impl SinkFactory for AddressSinks {
    fn open(
        &self,
        spec: &SubscriptionSpec,
        agreement: &Agreement<'_>,
    ) -> Result<Arc<dyn Sink>, SinkError> {
        let target = HttpTarget::parse(&spec.sink)?;
        let client = self.client.guarded(self.egress.of(&spec.namespace));
        // Names are checked each time they are resolved for a connection.
        target.check(client.egress())?;
        let context = Arc::clone(&self.context);
        Ok(Arc::new(HttpSink::new(
            context, client, target, spec, agreement,
        )?))
    }

    fn bind(&self, host: Weak<dyn SinkHost>) {
        self.context.bind(host);
    }
}
