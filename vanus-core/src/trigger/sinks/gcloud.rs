//! A function of Google Cloud as a sink: the event as JSON, with an identity token.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use vanus_net::http::{HttpClient, HttpRequest, HttpTarget};
use vanus_types::control::{Credential, SubscriptionSpec};

use super::{
    context::Context,
    encode,
    identity::{ServiceAccount, TokenSource},
    judge::{self, Verdict},
    pause::Pause,
};
use crate::trigger::{
    delivery::{Delivery, DeliveryError},
    sink::{Sink, SinkError},
};

/// A function of Google Cloud.
#[derive(Debug)]
pub(super) struct FunctionsSink {
    context: Arc<Context>,
    client: HttpClient,
    target: HttpTarget,
    tokens: TokenSource,
    headers: HeaderMap,
    timeout: Duration,
    pause: Pause,
}

impl FunctionsSink {
    pub(super) fn open(
        context: Arc<Context>,
        client: HttpClient,
        spec: &SubscriptionSpec,
    ) -> Result<Self, SinkError> {
        let Credential::Gcloud { credentials_json } = &spec.credential else {
            let why = "a function of Google Cloud needs a service account";
            return Err(SinkError::Credential(why.to_owned()));
        };
        let json = credentials_json.expose().ok_or(SinkError::Sealed)?;
        let account = ServiceAccount::parse(json).map_err(SinkError::Credential)?;
        let target = HttpTarget::parse(&spec.sink)?;
        target.check(client.egress())?;
        account.token_target().check(client.egress())?;
        Ok(Self {
            context,
            client,
            target,
            tokens: TokenSource::new(account, &spec.sink),
            headers: encode::extra_headers(&spec.headers),
            timeout: Duration::from_millis(spec.config.delivery_timeout_ms.into()),
            pause: Pause::default(),
        })
    }
}

#[async_trait]
impl Sink for FunctionsSink {
    async fn deliver(&self, delivery: Delivery) -> Result<(), DeliveryError> {
        let now_ms = self.context.clock.now_ms();
        let token = self
            .tokens
            .token(&self.client, now_ms, self.timeout)
            .await?;
        let mut headers = self.headers.clone();
        let body = encode::structured(&mut headers, &delivery.event);
        let bearer = HeaderValue::from_str(&format!("Bearer {token}"));
        let mut bearer =
            bearer.map_err(|_| DeliveryError::retry("the identity token is no token"))?;
        bearer.set_sensitive(true);
        headers.insert(header::AUTHORIZATION, bearer);
        let request = HttpRequest::post(self.target.clone(), headers, body, self.timeout);
        let answer = self.client.request(request).await;
        let answer = answer.map_err(|error| judge::judge_error(&error))?;
        if answer.status == StatusCode::UNAUTHORIZED {
            // It may have been taken back before its time; a new one is asked for.
            self.tokens.forget(&token);
            return Err(DeliveryError::retry(
                "401 Unauthorized: the identity token was refused",
            ));
        }
        let verdict = judge::judge(&answer, now_ms);
        let (clock, asked) = (self.context.clock.as_ref(), verdict.pause());
        self.pause.note(clock, asked, verdict.may_pass());
        match verdict {
            Verdict::Accepted => Ok(()),
            Verdict::Failed(error) => Err(error),
            Verdict::Gone(message) => Err(DeliveryError::reject("Response410", message)),
        }
    }

    fn try_ready(&self) -> bool {
        self.pause.is_over()
    }

    async fn ready(&self) {
        self.pause.over(self.context.clock.as_ref()).await;
    }
}
