//! An HTTP endpoint as a sink.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use http::{HeaderMap, HeaderName, HeaderValue};
use vanus_net::http::{HttpClient, HttpRequest, HttpResponse, HttpTarget};
use vanus_types::{
    Name,
    control::{DeliveryMode, SubscriptionSpec},
    limits::{MAX_DELIVERY_BATCH_LEN, MAX_REPLY_LEN},
};

use super::{
    batcher::{Batcher, SendMany},
    context::Context,
    encode,
    handshake::{Handshake, REQUEST_ORIGIN},
    judge::{self, Verdict},
    pause::Pause,
    reply,
};
use crate::trigger::{
    delivery::{Delivery, DeliveryError},
    sink::{Agreement, Sink, SinkError},
};

/// How long a sink is left alone whose answer was longer than what is read of answers, so that one
/// that never comes to an end takes nothing from others.
const LONG_ANSWER_PAUSE: Duration = Duration::from_secs(1);

/// An HTTP sink.
#[derive(Debug)]
pub(super) struct HttpSink {
    endpoint: Arc<Endpoint>,
    /// Collects deliveries, if requests carry many.
    batcher: Option<Batcher>,
}

/// Where requests go and how they look.
#[derive(Debug)]
struct Endpoint {
    context: Arc<Context>,
    client: HttpClient,
    target: HttpTarget,
    headers: HeaderMap,
    timeout: Duration,
    mode: DeliveryMode,
    /// The sink, as the subscription names it.
    sink: String,
    /// Where replies go: namespace and eventbus.
    reply: Option<(Name, Name)>,
    pause: Pause,
    handshake: Option<Handshake>,
}

impl HttpSink {
    pub(super) fn new(
        context: Arc<Context>,
        client: HttpClient,
        target: HttpTarget,
        spec: &SubscriptionSpec,
        agreement: &Agreement<'_>,
    ) -> Result<Self, SinkError> {
        let timeout = Duration::from_millis(spec.config.delivery_timeout_ms.into());
        let mut headers = encode::extra_headers(&spec.headers);
        encode::add_credential(&mut headers, &spec.credential)?;
        let handshake = spec.delivery.handshake.as_ref().map(|asked| {
            let (target, headers) = (target.clone(), headers.clone());
            let id = agreement.subscription;
            Handshake::new(asked, id, agreement, target, headers, timeout)
        });
        if let Some(asked) = &spec.delivery.handshake {
            let origin = HeaderValue::from_str(&asked.origin);
            headers.extend(
                origin
                    .ok()
                    .map(|origin| (HeaderName::from_static(REQUEST_ORIGIN), origin)),
            );
        }
        let reply = spec.delivery.reply.clone();
        let endpoint = Arc::new(Endpoint {
            context,
            client,
            target,
            headers,
            timeout,
            mode: spec.delivery.mode,
            sink: spec.sink.clone(),
            reply: reply.map(|eventbus| (spec.namespace.clone(), eventbus)),
            pause: Pause::default(),
            handshake,
        });
        let sender = Arc::clone(&endpoint) as Arc<dyn SendMany>;
        let batcher = (spec.delivery.mode == DeliveryMode::Batch)
            .then(|| Batcher::new(sender, &spec.delivery, MAX_DELIVERY_BATCH_LEN));
        Ok(Self { endpoint, batcher })
    }
}

#[async_trait]
impl Sink for HttpSink {
    async fn deliver(&self, delivery: Delivery) -> Result<(), DeliveryError> {
        match &self.batcher {
            Some(batcher) => batcher.deliver(delivery).await,
            None => self.endpoint.send_many(&[delivery]).await,
        }
    }

    fn linger(&self) -> Duration {
        self.batcher
            .as_ref()
            .map_or(Duration::ZERO, Batcher::linger)
    }

    fn try_ready(&self) -> bool {
        let Endpoint {
            pause, handshake, ..
        } = self.endpoint.as_ref();
        let free = handshake.as_ref().is_none_or(Handshake::is_free);
        free && pause.is_over()
    }

    async fn ready(&self) {
        let Endpoint {
            pause,
            context,
            handshake,
            client,
            ..
        } = self.endpoint.as_ref();
        pause.over(context.clock.as_ref()).await;
        if let Some(handshake) = handshake {
            handshake.pass(client, context.clock.as_ref()).await;
        }
    }

    fn problem(&self) -> Option<String> {
        self.endpoint.handshake.as_ref()?.problem()
    }
}

#[async_trait]
impl SendMany for Endpoint {
    async fn send_many(&self, deliveries: &[Delivery]) -> Result<(), DeliveryError> {
        let (headers, body) = encode::request(self.mode, &self.headers, deliveries);
        let mut request = HttpRequest::post(self.target.clone(), headers, body, self.timeout);
        request.max_response_len = self.reply.is_some().then_some(MAX_REPLY_LEN);
        let answer = self.client.request(request).await;
        let answer = answer.map_err(|error| judge::judge_error(&error))?;
        let verdict = judge::judge(&answer, self.context.clock.now_ms());
        // Every answer that is too long costs a connection, and what the sink has sent in vain.
        let long = answer.truncated.then_some(LONG_ANSWER_PAUSE);
        let asked = verdict.pause().max(long);
        self.pause
            .note(self.context.clock.as_ref(), asked, verdict.may_pass());
        match verdict {
            Verdict::Accepted => self.take_replies(deliveries, &answer).await,
            Verdict::Failed(error) => Err(error),
            Verdict::Gone(message) => {
                self.tell_gone(deliveries, &message);
                // It waits for whoever gives the subscription another sink.
                Err(DeliveryError::Retry(message))
            }
        }
    }
}

impl Endpoint {
    fn tell_gone(&self, deliveries: &[Delivery], message: &str) {
        if let (Some(host), Some(first)) = (self.context.host(), deliveries.first()) {
            let reason = format!("the sink is gone, it answered {message}");
            host.gone(first.subscription, self.sink.clone(), reason);
        }
    }

    /// Publishes the events in an answer, before the delivery counts as made.
    async fn take_replies(
        &self,
        deliveries: &[Delivery],
        answer: &HttpResponse,
    ) -> Result<(), DeliveryError> {
        let Some((namespace, eventbus)) = &self.reply else {
            return Ok(());
        };
        let events = reply::events(deliveries, answer)?;
        if events.is_empty() {
            return Ok(());
        }
        let not = |why: String| DeliveryError::retry(format!("the reply was not published: {why}"));
        let host = self.context.host();
        let host = host.ok_or_else(|| not("the engine is closing".to_owned()))?;
        host.publish(namespace, eventbus, &events)
            .await
            .map_err(not)
    }
}
