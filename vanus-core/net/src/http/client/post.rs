//! The client and its one request.

use std::{
    collections::HashMap,
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use parking_lot::Mutex;
use tokio::time::{Instant, timeout};

use super::{
    HttpClientOptions, HttpError, HttpTarget,
    connect::{Connector, Sender},
    host::Host,
    target::Origin,
};

/// Posts to hosts over kept connections. Cheap to clone; clones share their connections.
///
/// Must be used within a tokio runtime. Redirects are answers like any other.
#[derive(Debug, Clone)]
pub struct HttpClient {
    shared: Arc<Shared>,
}

/// What a host answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpResponse {
    /// The status.
    pub status: StatusCode,
    /// How long the host asks to be left alone, if it says so in seconds.
    pub retry_after: Option<Duration>,
    /// The body, or its first `max_response_len` bytes.
    pub body: Bytes,
    /// Whether the body was longer than what is kept.
    pub truncated: bool,
}

#[derive(Debug)]
struct Shared {
    options: HttpClientOptions,
    connector: Connector,
    hosts: Mutex<HashMap<Origin, Arc<Host>>>,
    sweeping: AtomicBool,
}

impl HttpClient {
    /// A client without connections.
    ///
    /// # Errors
    /// [`HttpError::Authorities`].
    pub fn new(options: HttpClientOptions) -> Result<Self, HttpError> {
        let connector =
            Connector::new(&options).map_err(|detail| HttpError::Authorities { detail })?;
        let shared = Shared {
            options,
            connector,
            hosts: Mutex::default(),
            sweeping: AtomicBool::new(false),
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// Posts `body` to `target` and waits for the answer, at most `limit` for everything.
    ///
    /// A kept connection that the host has closed meanwhile is replaced without telling. Dropping
    /// the future gives the request up; the host may have got it.
    ///
    /// # Errors
    /// [`HttpError`] when there is no answer; any status is an answer.
    pub async fn post(
        &self,
        target: &HttpTarget,
        headers: HeaderMap,
        body: Bytes,
        limit: Duration,
    ) -> Result<HttpResponse, HttpError> {
        match timeout(limit, self.exchange(target, headers, body)).await {
            Ok(answer) => answer,
            Err(_) => Err(HttpError::Timeout {
                host: target.host(),
                limit_ms: u64::try_from(limit.as_millis()).unwrap_or(u64::MAX),
            }),
        }
    }

    async fn exchange(
        &self,
        target: &HttpTarget,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<HttpResponse, HttpError> {
        let host = self.host(target.origin())?;
        let permit = Arc::clone(&host.permits).acquire_owned().await;
        let mut request = request(target, headers, body);
        loop {
            let kept = host.take(Instant::now());
            let was_kept = kept.is_some();
            let mut sender = match kept {
                Some(sender) => sender,
                None => self.connect(target.origin()).await?,
            };
            adapt(&mut request, target, &sender);
            match send(&mut sender, request).await {
                Ok(response) => {
                    if let Sender::Http2(_) = &sender {
                        host.put(sender, Instant::now());
                        return self.read(target, response).await;
                    }
                    let response = self.read(target, response).await?;
                    if !response.truncated {
                        host.put(sender, Instant::now());
                    }
                    drop(permit);
                    return Ok(response);
                }
                // Nothing was sent: the kept connection had ended. Another one is taken, at last
                // a new one.
                Err((Some(unsent), _)) if was_kept => request = unsent,
                Err((_, error)) => {
                    return Err(HttpError::Broken {
                        host: target.host(),
                        detail: error,
                    });
                }
            }
        }
    }

    async fn connect(&self, origin: &Origin) -> Result<Sender, HttpError> {
        let failed = |detail: String| HttpError::Connect {
            host: origin.to_string(),
            detail,
        };
        let limit = self.shared.options.connect_timeout;
        match timeout(limit, self.shared.connector.connect(origin)).await {
            Ok(connected) => connected.map_err(failed),
            Err(_) => Err(failed(format!(
                "nobody answered within {} ms",
                limit.as_millis()
            ))),
        }
    }

    async fn read(
        &self,
        target: &HttpTarget,
        response: Response<Incoming>,
    ) -> Result<HttpResponse, HttpError> {
        let status = response.status();
        let retry_after = response
            .headers()
            .get(header::RETRY_AFTER)
            .and_then(|value| value.to_str().ok()?.trim().parse().ok())
            .map(Duration::from_secs);
        let (mut body, mut kept) = (response.into_body(), BytesMut::new());
        let mut truncated = false;
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| HttpError::Broken {
                host: target.host(),
                detail: error.to_string(),
            })?;
            let Some(data) = frame.data_ref() else {
                continue;
            };
            let room = self.shared.options.max_response_len - kept.len();
            kept.extend_from_slice(data.get(..room).unwrap_or(data));
            if data.len() > room {
                truncated = true;
                break;
            }
        }
        Ok(HttpResponse {
            status,
            retry_after,
            body: kept.freeze(),
            truncated,
        })
    }

    fn host(&self, origin: &Origin) -> Result<Arc<Host>, HttpError> {
        self.keep_sweeping();
        let options = &self.shared.options;
        let mut hosts = self.shared.hosts.lock();
        if let Some(host) = hosts.get(origin) {
            return Ok(Arc::clone(host));
        }
        if hosts.len() >= options.max_hosts {
            let unused = |host: &Arc<Host>| Arc::strong_count(host) == 1;
            let victim = hosts
                .iter()
                .find(|(_, host)| unused(host))
                .map(|(key, _)| key.clone());
            let victim = victim.ok_or_else(|| HttpError::TooManyHosts {
                host: origin.to_string(),
                limit: options.max_hosts,
            })?;
            hosts.remove(&victim);
        }
        let host = Arc::new(Host::new(options.max_connections_per_host));
        hosts.insert(origin.clone(), Arc::clone(&host));
        Ok(host)
    }

    /// Starts, once, the task that drops unused connections; it ends with the client.
    fn keep_sweeping(&self) {
        if self.shared.sweeping.swap(true, Ordering::Relaxed) {
            return;
        }
        let (shared, limit) = (
            Arc::downgrade(&self.shared),
            self.shared.options.idle_timeout,
        );
        tokio::spawn(sweep(shared, limit));
    }
}

async fn sweep(shared: Weak<Shared>, limit: Duration) {
    loop {
        tokio::time::sleep(limit).await;
        let Some(shared) = shared.upgrade() else {
            return;
        };
        let now = Instant::now();
        let unused = |host: &Arc<Host>| Arc::strong_count(host) == 1;
        shared
            .hosts
            .lock()
            .retain(|_, host| !host.sweep(now, limit) || !unused(host));
    }
}

fn request(target: &HttpTarget, headers: HeaderMap, body: Bytes) -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::new(body));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = target.path().clone();
    *request.headers_mut() = headers;
    request
}

/// Gives the request the form that the connection's protocol wants.
fn adapt(request: &mut Request<Full<Bytes>>, target: &HttpTarget, sender: &Sender) {
    match sender {
        Sender::Http1(_) => {
            *request.uri_mut() = target.path().clone();
            request
                .headers_mut()
                .insert(header::HOST, target.host_header().clone());
        }
        Sender::Http2(_) => {
            *request.uri_mut() = target.whole().clone();
            request.headers_mut().remove(header::HOST);
        }
    }
}

/// Why sending failed; with the request, if nothing of it was sent.
type Unsent = (Option<Request<Full<Bytes>>>, String);

async fn send(
    sender: &mut Sender,
    request: Request<Full<Bytes>>,
) -> Result<Response<Incoming>, Unsent> {
    let sent = match sender {
        Sender::Http1(sender) => {
            if let Err(error) = sender.ready().await {
                return Err((Some(request), error.to_string()));
            }
            sender.try_send_request(request).await
        }
        Sender::Http2(sender) => {
            if let Err(error) = sender.ready().await {
                return Err((Some(request), error.to_string()));
            }
            sender.try_send_request(request).await
        }
    };
    sent.map_err(|mut error| (error.take_message(), error.into_error().to_string()))
}
