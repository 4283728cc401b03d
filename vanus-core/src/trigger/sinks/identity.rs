//! Identity tokens of Google: a JWT that the service account signs is changed for a token at the
//! address in its key file.
//!
//! The JWT is RS256 (RFC 7515, RFC 7518) with the claims `iss`, `sub`, `aud`, `target_audience`, `iat`
//! and `exp`; it is sent as the grant `urn:ietf:params:oauth:grant-type:jwt-bearer` (RFC 7523).

use std::time::Duration;

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use parking_lot::Mutex;
use ring::{rand::SystemRandom, rsa, signature::RSA_PKCS1_SHA256};
use serde::Deserialize;
use tokio::sync::Mutex as AsyncMutex;
use vanus_net::http::{HttpClient, HttpRequest, HttpTarget};

use super::sigv4::encode;
use crate::trigger::delivery::DeliveryError;

/// How long a JWT is good for, in seconds.
const JWT_SECONDS: i64 = 3600;

/// How long before its end a token is no longer used, in milliseconds.
const MARGIN_MS: i64 = 300_000;

/// Longest time a token is used that does not say when it ends, in milliseconds.
const DEFAULT_MS: i64 = 3_600_000;

/// Longest token that is used, in bytes.
const MAX_TOKEN_LEN: usize = 16 * 1024;

/// A service account.
pub(super) struct ServiceAccount {
    email: String,
    key_id: Option<String>,
    key: rsa::KeyPair,
    token_uri: String,
    token_target: HttpTarget,
}

impl std::fmt::Debug for ServiceAccount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("ServiceAccount");
        shown.field("email", &self.email).finish_non_exhaustive()
    }
}

/// What is read of a key file.
#[derive(Deserialize)]
struct KeyFile {
    client_email: String,
    private_key: String,
    private_key_id: Option<String>,
    token_uri: String,
}

impl ServiceAccount {
    /// Reads a key file. What is wrong is told without its text.
    pub(super) fn parse(json: &str) -> Result<Self, String> {
        let file: KeyFile = serde_json::from_str(json).map_err(|_| {
            "it is no key file of a service account: JSON with client_email, private_key and token_uri".to_owned()
        })?;
        let der =
            pem_body(&file.private_key).ok_or("its private_key is no PEM text \"PRIVATE KEY\"")?;
        let key = rsa::KeyPair::from_pkcs8(&der)
            .map_err(|error| format!("its private_key is no RSA key: {error}"))?;
        let token_target = HttpTarget::parse(&file.token_uri)
            .map_err(|error| format!("its token_uri: {error}"))?;
        Ok(Self {
            email: file.client_email,
            key_id: file.private_key_id,
            key,
            token_uri: file.token_uri,
            token_target,
        })
    }

    /// Where tokens are asked for.
    pub(super) const fn token_target(&self) -> &HttpTarget {
        &self.token_target
    }

    /// A JWT that asks for an identity token for `audience`.
    fn jwt(&self, audience: &str, now_ms: i64) -> Result<String, String> {
        let now = now_ms.div_euclid(1_000);
        let mut head = serde_json::json!({ "alg": "RS256", "typ": "JWT" });
        if let (Some(id), Some(head)) = (&self.key_id, head.as_object_mut()) {
            head.insert("kid".to_owned(), id.as_str().into());
        }
        let claims = serde_json::json!({
            "iss": self.email,
            "sub": self.email,
            "aud": self.token_uri,
            "target_audience": audience,
            "iat": now,
            "exp": now + JWT_SECONDS,
        });
        let part = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let to_sign = format!("{}.{}", part(&head), part(&claims));
        let mut signature = vec![0; self.key.public().modulus_len()];
        self.key
            .sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                to_sign.as_bytes(),
                &mut signature,
            )
            .map_err(|_| "the request for a token cannot be signed".to_owned())?;
        Ok(format!("{to_sign}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

/// The bytes in a PEM text.
fn pem_body(pem: &str) -> Option<Vec<u8>> {
    let (_, rest) = pem.split_once("-----BEGIN PRIVATE KEY-----")?;
    let (body, _) = rest.split_once("-----END PRIVATE KEY-----")?;
    let body: String = body.split_ascii_whitespace().collect();
    STANDARD.decode(body).ok()
}

/// Gets tokens, and keeps the last one until shortly before its end.
#[derive(Debug)]
pub(super) struct TokenSource {
    account: ServiceAccount,
    audience: String,
    kept: Mutex<Option<Kept>>,
    /// Held by the one who asks for a token.
    asking: AsyncMutex<()>,
}

struct Kept {
    token: String,
    /// When it is no longer used, in milliseconds since the Unix epoch.
    until_ms: i64,
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "token until {}", self.until_ms)
    }
}

#[derive(Deserialize)]
struct TokenAnswer {
    id_token: String,
}

impl TokenSource {
    pub(super) fn new(account: ServiceAccount, audience: &str) -> Self {
        Self {
            account,
            audience: audience.to_owned(),
            kept: Mutex::default(),
            asking: AsyncMutex::default(),
        }
    }

    /// A token that is good for a while; many who ask at once share one request.
    pub(super) async fn token(
        &self,
        client: &HttpClient,
        now_ms: i64,
        limit: Duration,
    ) -> Result<String, DeliveryError> {
        if let Some(token) = self.kept(now_ms) {
            return Ok(token);
        }
        let _asking = self.asking.lock().await;
        if let Some(token) = self.kept(now_ms) {
            return Ok(token);
        }
        let asked = self.ask(client, now_ms, limit).await;
        let token =
            asked.map_err(|why| DeliveryError::retry(format!("no identity token: {why}")))?;
        let until_ms = end_of(&token).unwrap_or(now_ms.saturating_add(DEFAULT_MS)) - MARGIN_MS;
        *self.kept.lock() = Some(Kept {
            token: token.clone(),
            until_ms,
        });
        Ok(token)
    }

    /// Does not use this token again.
    pub(super) fn forget(&self, token: &str) {
        let mut kept = self.kept.lock();
        if kept.as_ref().is_some_and(|kept| kept.token == token) {
            *kept = None;
        }
    }

    fn kept(&self, now_ms: i64) -> Option<String> {
        let kept = self.kept.lock();
        let kept = kept.as_ref().filter(|kept| now_ms < kept.until_ms)?;
        Some(kept.token.clone())
    }

    async fn ask(
        &self,
        client: &HttpClient,
        now_ms: i64,
        limit: Duration,
    ) -> Result<String, String> {
        let jwt = self.account.jwt(&self.audience, now_ms)?;
        let grant = encode("urn:ietf:params:oauth:grant-type:jwt-bearer", b"");
        let body = Bytes::from(format!("grant_type={grant}&assertion={jwt}"));
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, form)]);
        let target = self.account.token_target.clone();
        let answer = client
            .request(HttpRequest::post(target, headers, body, limit))
            .await;
        let answer = answer.map_err(|error| error.to_string())?;
        if !answer.status.is_success() {
            let text = String::from_utf8_lossy(&answer.body);
            let shown: String = text.chars().take(200).collect();
            return Err(format!("{}: {shown}", answer.status));
        }
        let read = serde_json::from_slice::<TokenAnswer>(&answer.body);
        let token = read
            .map_err(|_| "the answer has no id_token".to_owned())?
            .id_token;
        if token.is_empty()
            || token.len() > MAX_TOKEN_LEN
            || !token.bytes().all(|b| b.is_ascii_graphic())
        {
            return Err("the answer's id_token is no token".to_owned());
        }
        Ok(token)
    }
}

/// When a token ends, in milliseconds since the Unix epoch; it is not verified, as it is not for us.
fn end_of(token: &str) -> Option<i64> {
    #[derive(Deserialize)]
    struct Claims {
        exp: i64,
    }
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let claims: Claims = serde_json::from_slice(&claims).ok()?;
    claims.exp.checked_mul(1_000)
}
