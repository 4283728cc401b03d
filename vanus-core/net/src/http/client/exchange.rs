//! The client: requests over kept connections.

use std::{
    collections::HashMap,
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Request, Response, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use parking_lot::Mutex;
use tokio::time::{Instant, timeout};

use super::{
    HttpClientOptions, HttpError, HttpRequest, HttpResponse, HttpTarget,
    connect::{Connection, Connector, NotConnected, Sender},
    host::Host,
    target::Origin,
};
use crate::egress::Egress;

/// Asks hosts over kept connections. Cheap to clone; clones share their connections.
///
/// A connection is only made, and a kept one only used, to an address that the guard of this client
/// allows.
///
/// Must be used within a tokio runtime. Redirects are answers like any other.
#[derive(Debug, Clone)]
pub struct HttpClient {
    shared: Arc<Shared>,
    egress: Egress,
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
        let egress = options.egress.clone();
        let shared = Shared {
            options,
            connector,
            hosts: Mutex::default(),
            sweeping: AtomicBool::new(false),
        };
        Ok(Self {
            shared: Arc::new(shared),
            egress,
        })
    }

    /// A client that shares the connections of this one, as far as `egress` allows them.
    #[must_use]
    pub fn guarded(&self, egress: Egress) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            egress,
        }
    }

    /// What this client connects to.
    #[must_use]
    pub const fn egress(&self) -> &Egress {
        &self.egress
    }

    /// Posts `body` to `target`; the same as [`HttpClient::request`].
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
        self.request(HttpRequest::post(target.clone(), headers, body, limit))
            .await
    }

    /// Sends a request and waits for the whole answer, at most as long as the request says.
    ///
    /// A kept connection that the host has closed meanwhile is replaced without telling. Dropping
    /// the future gives the request up; the host may have got it.
    ///
    /// # Errors
    /// [`HttpError`] when there is no answer; any status is an answer.
    pub async fn request(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let (limit, host) = (request.limit, request.target.clone());
        match timeout(limit, self.exchange(request)).await {
            Ok(answer) => answer,
            Err(_) => Err(HttpError::Timeout {
                host: host.host(),
                limit_ms: u64::try_from(limit.as_millis()).unwrap_or(u64::MAX),
            }),
        }
    }

    async fn exchange(&self, asked: HttpRequest) -> Result<HttpResponse, HttpError> {
        let target = asked.target.clone();
        let most = asked.max_response_len;
        let most = most.unwrap_or(self.shared.options.max_response_len);
        let host = self.host(target.origin())?;
        let permit = Arc::clone(&host.permits).acquire_owned().await;
        let mut request = http_request(asked);
        loop {
            let allowed = |peer| self.egress.check(&target.origin().host, peer).is_ok();
            let kept = host.take(Instant::now(), allowed);
            let was_kept = kept.is_some();
            let mut connection = match kept {
                Some(connection) => connection,
                None => self.connect(target.origin()).await?,
            };
            adapt(&mut request, &target, &connection.sender);
            match send(&mut connection.sender, request).await {
                Ok(response) => {
                    if let Sender::Http2(_) = &connection.sender {
                        host.put(connection, Instant::now());
                        return read(&target, response, most).await;
                    }
                    let response = read(&target, response, most).await?;
                    if !response.truncated {
                        host.put(connection, Instant::now());
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

    async fn connect(&self, origin: &Origin) -> Result<Connection, HttpError> {
        let failed = |detail: String| HttpError::Connect {
            host: origin.to_string(),
            detail,
        };
        let limit = self.shared.options.connect_timeout;
        let connecting = self.shared.connector.connect(origin, &self.egress);
        match timeout(limit, connecting).await {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(NotConnected::Failed(detail))) => Err(failed(detail)),
            Ok(Err(NotConnected::Refused(refused))) => Err(HttpError::Refused {
                host: origin.to_string(),
                refused,
            }),
            Err(_) => Err(failed(format!(
                "nobody answered within {} ms",
                limit.as_millis()
            ))),
        }
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

/// Reads an answer to its end, or to `most` bytes of its body.
async fn read(
    target: &HttpTarget,
    response: Response<Incoming>,
    most: usize,
) -> Result<HttpResponse, HttpError> {
    let (head, mut body) = response.into_parts();
    let mut kept = BytesMut::new();
    let mut trailers = HeaderMap::new();
    let mut truncated = false;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| HttpError::Broken {
            host: target.host(),
            detail: error.to_string(),
        })?;
        let frame = match frame.into_data() {
            Ok(data) => {
                let room = most - kept.len();
                kept.extend_from_slice(data.get(..room).unwrap_or(&data));
                if data.len() > room {
                    truncated = true;
                    break;
                }
                continue;
            }
            Err(frame) => frame,
        };
        if let Ok(after) = frame.into_trailers() {
            trailers = after;
        }
    }
    Ok(HttpResponse {
        status: head.status,
        headers: head.headers,
        body: kept.freeze(),
        truncated,
        trailers,
    })
}

fn http_request(asked: HttpRequest) -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::new(asked.body));
    *request.method_mut() = asked.method;
    *request.headers_mut() = asked.headers;
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
