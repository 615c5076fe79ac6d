//! The counter in front of the S3 server: it understands requests well enough to answer them wrongly.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::Response;
use futures::stream;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::fault::Misdeed;

/// A slow answer begins after this long, and every quarter of its body takes as long again.
const SLOW: Duration = Duration::from_millis(150);

/// A counter that passes everything on until it is told otherwise.
#[derive(Debug)]
pub struct Counter {
    address: SocketAddr,
    desk: Arc<Desk>,
    serving: JoinHandle<()>,
}

#[derive(Debug)]
struct Desk {
    client: reqwest::Client,
    /// The server behind it: `http://127.0.0.1:8333`.
    server: String,
    mode: Mutex<Option<(Misdeed, u64)>>,
    asked: AtomicU64,
    served: Mutex<Served>,
}

/// What was answered wrongly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Served {
    /// Requests in all.
    pub requests: u64,
    /// Answers with an error that was made up.
    pub errors: u64,
    /// Slow answers.
    pub slow: u64,
    /// Bodies that ended in the middle.
    pub truncated: u64,
    /// Bodies in which a byte was another.
    pub corrupted: u64,
    /// Bodies that were changed on their way to the server.
    pub corrupted_uploads: u64,
}

impl Counter {
    /// A counter in front of a server.
    ///
    /// # Errors
    /// Where the system gives no port.
    pub async fn before(server: &str) -> Result<Self> {
        rustls::crypto::ring::default_provider().install_default().ok();
        let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build()?;
        let listener = TcpListener::bind("127.0.0.1:0").await.context("no port for the S3 server's counter")?;
        let address = listener.local_addr()?;
        let desk = Arc::new(Desk {
            client,
            server: server.to_owned(),
            mode: Mutex::default(),
            asked: AtomicU64::new(0),
            served: Mutex::default(),
        });
        let router = axum::Router::new().fallback(answer).with_state(Arc::clone(&desk));
        // It ends with the counter.
        let serving = tokio::spawn(async move { drop(axum::serve(listener, router).await) });
        Ok(Self { address, desk, serving })
    }

    /// Where it answers.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Does this wrong from now on, once in so many requests; or nothing.
    pub fn set(&self, mode: Option<(Misdeed, u64)>) {
        *self.desk.mode.lock().unwrap_or_else(PoisonError::into_inner) = mode;
    }

    /// What was answered so far.
    pub fn served(&self) -> Served {
        *self.desk.served()
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Desk {
    fn served(&self) -> std::sync::MutexGuard<'_, Served> {
        self.served.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is done wrong with the next request, and how often something was asked for before it.
    fn misdeed(&self) -> (Option<Misdeed>, u64) {
        let asked = self.asked.fetch_add(1, Ordering::Relaxed);
        let mode = *self.mode.lock().unwrap_or_else(PoisonError::into_inner);
        (mode.filter(|(_, times)| asked.is_multiple_of(*times)).map(|(misdeed, _)| misdeed), asked)
    }

    async fn ask(&self, method: Method, address: &str, headers: HeaderMap, body: Bytes) -> Result<Answer> {
        let mut request = self.client.request(method, address).headers(headers);
        if !body.is_empty() {
            request = request.body(body);
        }
        let response = request.send().await?;
        let (status, mut headers) = (response.status(), response.headers().clone());
        for hop in [header::CONNECTION, header::TRANSFER_ENCODING] {
            headers.remove(hop);
        }
        Ok(Answer { status, headers, body: response.bytes().await? })
    }
}

/// What the server said.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

async fn answer(State(desk): State<Arc<Desk>>, request: Request) -> Response {
    let (misdeed, asked) = desk.misdeed();
    desk.served().requests += 1;
    let (parts, body) = request.into_parts();
    let Ok(mut body) = axum::body::to_bytes(body, usize::MAX).await else { return refusal(StatusCode::BAD_REQUEST) };
    if let Some(Misdeed::Status(status)) = misdeed
        && asked.is_multiple_of(2)
    {
        desk.served().errors += 1;
        return refusal(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR));
    }
    if misdeed == Some(Misdeed::CorruptedUpload) && parts.method == Method::PUT && !body.is_empty() {
        body = with_another_byte(&body, asked);
        desk.served().corrupted_uploads += 1;
    }
    let mut headers = parts.headers;
    for hop in [header::CONNECTION, header::CONTENT_LENGTH, header::TRANSFER_ENCODING] {
        headers.remove(hop);
    }
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let is_read = parts.method == Method::GET;
    match desk.ask(parts.method, &format!("{}{path}", desk.server), headers, body).await {
        Ok(answer) => tell(&desk, answer, misdeed, (is_read, asked)),
        Err(_) => refusal(StatusCode::BAD_GATEWAY),
    }
}

fn tell(desk: &Desk, answer: Answer, misdeed: Option<Misdeed>, (is_read, asked): (bool, u64)) -> Response {
    let Answer { status, headers, body } = answer;
    let is_content = is_read && status.is_success() && body.len() > 1;
    let mut served = desk.served();
    let body = match misdeed {
        Some(Misdeed::Status(status)) => {
            served.errors += 1;
            return refusal(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR));
        }
        Some(Misdeed::Slow) => {
            served.slow += 1;
            slowly(body)
        }
        Some(Misdeed::Truncated) if is_content => {
            served.truncated += 1;
            cut_off(body)
        }
        Some(Misdeed::Corrupted) if is_content => {
            served.corrupted += 1;
            Body::from(with_another_byte(&body, asked))
        }
        Some(Misdeed::Truncated | Misdeed::Corrupted | Misdeed::CorruptedUpload) | None => Body::from(body),
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

fn refusal(status: StatusCode) -> Response {
    let mut response = Response::new(Body::from("<Error><Code>MadeUp</Code></Error>"));
    *response.status_mut() = status;
    response
}

/// The body with one byte, somewhere, that is another.
fn with_another_byte(body: &Bytes, somewhere: u64) -> Bytes {
    let mut bytes = body.to_vec();
    let place = (somewhere.wrapping_mul(2_654_435_761) % bytes.len().max(1) as u64) as usize;
    if let Some(byte) = bytes.get_mut(place) {
        *byte ^= 1;
    }
    Bytes::from(bytes)
}

fn cut_off(body: Bytes) -> Body {
    let half = body.slice(..body.len() / 2);
    Body::from_stream(stream::iter([Ok(half), Err(std::io::Error::other("the line broke"))]))
}

fn slowly(body: Bytes) -> Body {
    let quarter = body.len().div_ceil(4).max(1);
    let parts: Vec<Bytes> =
        (0..body.len()).step_by(quarter).map(|at| body.slice(at..body.len().min(at + quarter))).collect();
    Body::from_stream(stream::unfold(parts.into_iter(), |mut parts| async move {
        tokio::time::sleep(SLOW).await;
        Some((Ok::<_, std::io::Error>(parts.next()?), parts))
    }))
}
