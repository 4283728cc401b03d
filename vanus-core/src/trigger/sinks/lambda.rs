//! A function of AWS Lambda as a sink: `Invoke` with the event as JSON, signed.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use vanus_net::http::{HttpClient, HttpRequest, HttpResponse, HttpTarget};
use vanus_types::{
    control::{Credential, LambdaArn, Secret, SubscriptionSpec},
    event::timestamp,
};

use super::{
    context::Context,
    encode,
    judge::{self, Verdict},
    pause::Pause,
    sigv4::{self, Scope, Signed},
};
use crate::trigger::{
    delivery::{Delivery, DeliveryError},
    sink::{Sink, SinkError},
};

/// Set by Lambda when the function failed, whatever the status says.
const FUNCTION_ERROR: &str = "x-amz-function-error";

/// A function of AWS Lambda.
#[derive(Debug)]
pub(super) struct LambdaSink {
    context: Arc<Context>,
    client: HttpClient,
    target: HttpTarget,
    /// The path of the request, encoded once.
    path: String,
    region: String,
    access_key_id: String,
    secret_access_key: Secret,
    headers: HeaderMap,
    timeout: Duration,
    pause: Pause,
}

impl LambdaSink {
    /// The function that `spec` names, called at `endpoint`, or at that of its region.
    pub(super) fn open(
        context: Arc<Context>,
        client: HttpClient,
        endpoint: Option<&str>,
        spec: &SubscriptionSpec,
    ) -> Result<Self, SinkError> {
        let wrong = |why: &str| SinkError::Credential(why.to_owned());
        let arn: LambdaArn = spec.sink.parse().map_err(wrong)?;
        let Credential::Aws {
            access_key_id,
            secret_access_key,
        } = &spec.credential
        else {
            return Err(wrong("a function of AWS Lambda needs an access key"));
        };
        if secret_access_key.expose().is_none() {
            return Err(SinkError::Sealed);
        }
        let name = sigv4::encode(&arn.text, b"");
        let path = format!("/2015-03-31/functions/{name}/invocations");
        let base = match endpoint {
            Some(endpoint) => endpoint.trim_end_matches('/').to_owned(),
            None => format!("https://{}", arn.host()),
        };
        let target = HttpTarget::parse(&format!("{base}{path}"))?;
        target.check(client.egress())?;
        Ok(Self {
            context,
            client,
            target,
            path,
            region: arn.region,
            access_key_id: access_key_id.clone(),
            secret_access_key: secret_access_key.clone(),
            headers: encode::extra_headers(&spec.headers),
            timeout: Duration::from_millis(spec.config.delivery_timeout_ms.into()),
            pause: Pause::default(),
        })
    }

    /// Signs a request with this body. Extra headers are not signed: proxies may change them.
    fn sign(&self, headers: &mut HeaderMap, body: &[u8], now_ms: i64) {
        let time = amz_time(now_ms);
        let host = self.target.host_header().to_str().unwrap_or_default();
        let content_type = headers.get(header::CONTENT_TYPE).cloned();
        let content_type = content_type.as_ref().and_then(|value| value.to_str().ok());
        let signed = [
            ("content-type", content_type.unwrap_or_default()),
            ("host", host),
            ("x-amz-date", &time),
            ("x-amz-invocation-type", "RequestResponse"),
        ];
        let signed = Signed {
            method: "POST",
            path: &self.path,
            query: "",
            headers: &signed,
            body,
        };
        let scope = Scope {
            access_key_id: &self.access_key_id,
            region: &self.region,
            service: "lambda",
            time: &time,
        };
        let secret = self.secret_access_key.expose().unwrap_or_default();
        let authorization = sigv4::authorization(scope, secret, signed);
        for (name, value) in [
            ("authorization", authorization.as_str()),
            ("x-amz-date", &time),
            ("x-amz-invocation-type", "RequestResponse"),
        ] {
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
    }
}

#[async_trait]
impl Sink for LambdaSink {
    async fn deliver(&self, delivery: Delivery) -> Result<(), DeliveryError> {
        let mut headers = self.headers.clone();
        let body = encode::structured(&mut headers, &delivery.event);
        let now_ms = self.context.clock.now_ms();
        self.sign(&mut headers, &body, now_ms);
        let request = HttpRequest::post(self.target.clone(), headers, body, self.timeout);
        let answer = self.client.request(request).await;
        let answer = answer.map_err(|error| judge::judge_error(&error))?;
        let judged = judge_invoke(&answer, now_ms);
        let error = judged.as_ref().err();
        let asked = error.and_then(DeliveryError::pause);
        let failed = error.is_some_and(DeliveryError::may_pass);
        self.pause.note(self.context.clock.as_ref(), asked, failed);
        judged
    }

    fn try_ready(&self) -> bool {
        self.pause.is_over()
    }

    async fn ready(&self) {
        self.pause.over(self.context.clock.as_ref()).await;
    }
}

/// A function that failed is tried again: Lambda answers 200 for it, and says so in a header. 403 and
/// the like are the fault of the credential or the name, and stay.
fn judge_invoke(answer: &HttpResponse, now_ms: i64) -> Result<(), DeliveryError> {
    if let Some(kind) = answer.headers.get(FUNCTION_ERROR) {
        let kind = String::from_utf8_lossy(kind.as_bytes());
        let text = String::from_utf8_lossy(&answer.body);
        let shown: String = text.chars().take(200).collect();
        return Err(DeliveryError::retry(format!(
            "the function failed ({kind}): {shown}"
        )));
    }
    match judge::judge(answer, now_ms) {
        Verdict::Accepted => Ok(()),
        Verdict::Failed(error) => Err(error),
        Verdict::Gone(message) => Err(DeliveryError::reject("Response410", message)),
    }
}

/// The time as AWS writes it: `20150830T123600Z`.
fn amz_time(now_ms: i64) -> String {
    // Nothing but years beyond 9999 has no such text.
    let text = timestamp::format(now_ms.div_euclid(1_000), 0).unwrap_or_default();
    let plain = |c: &char| c.is_ascii_digit() || *c == 'T' || *c == 'Z';
    text.chars().filter(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_aws_does() {
        assert_eq!(amz_time(1_440_938_160_000), "20150830T123600Z");
        assert_eq!(amz_time(1_440_938_160_999), "20150830T123600Z");
    }
}
