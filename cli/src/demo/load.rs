//! A gateway's address in; a bounded mix of requests to it, and how many of them were answered, out.

use super::body::Sized;
use super::mix;
use super::upstream::drain;
use hyper::client::conn::{http1, http2};
use hyper::{Request, Response, Uri, body::Incoming};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};

/// Requests a second, as long as they are answered in time.
const RATE: u32 = 250;
/// Connections of each kind, and requests that are under way at once on one HTTP/2 connection.
const HTTP1_CONNECTIONS: usize = 16;
const HTTP2_CONNECTIONS: usize = 2;
const HTTP2_STREAMS: usize = 6;
/// After this many requests an HTTP/1.1 connection is closed and a new one opened.
const PER_CONNECTION: u32 = 100;
/// Longer than any answer takes.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);

/// How many requests were sent, and what became of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sent {
    /// Answered in full, whatever the status.
    pub answered: u64,
    /// Of those, to `/healthz`, which the demo's configuration excludes.
    pub excluded: u64,
    /// Not answered.
    pub failed: u64,
}

/// A load that runs until it is stopped.
#[derive(Debug)]
pub struct Load {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    answered: AtomicU64,
    excluded: AtomicU64,
    failed: AtomicU64,
    failure: Mutex<Option<String>>,
}

impl Load {
    /// Starts sending to the gateway at `target`, on a thread of its own.
    pub fn start(target: SocketAddr) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let for_thread = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("load".to_owned())
            .spawn(move || runtime.block_on(send_all(target, for_thread)))?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// What has become of the requests up to now.
    pub fn sent(&self) -> Sent {
        let read = |n: &AtomicU64| n.load(Ordering::Relaxed);
        let Shared { answered, excluded, failed, .. } = &*self.shared;
        Sent { answered: read(answered), excluded: read(excluded), failed: read(failed) }
    }

    /// Why the first request failed that did.
    pub fn failure(&self) -> Option<String> {
        self.shared.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sends no more, and waits for the answers that are due.
    pub fn finish(&mut self) -> Sent {
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
        self.sent()
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.finish();
    }
}

/// Runs every client until the stop.
async fn send_all(target: SocketAddr, shared: Arc<Shared>) {
    let pace = Arc::new(Pace::new(RATE));
    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..HTTP1_CONNECTIONS {
        clients.spawn(http1_client(target, Arc::clone(&pace), Arc::clone(&shared)));
    }
    for _ in 0..HTTP2_CONNECTIONS {
        clients.spawn(http2_client(target, Arc::clone(&pace), Arc::clone(&shared)));
    }
    while clients.join_next().await.is_some() {}
}

/// Hands out the numbers of requests, no faster than the rate.
struct Pace {
    next: tokio::sync::Mutex<(tokio::time::Interval, u64)>,
}

impl Pace {
    fn new(per_second: u32) -> Self {
        let mut ticks = interval(Duration::from_secs(1) / per_second.max(1));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { next: tokio::sync::Mutex::new((ticks, 0)) }
    }

    /// The next number; `None` after the stop.
    async fn next(&self, shared: &Shared) -> Option<u64> {
        let mut next = self.next.lock().await;
        if shared.stop.load(Ordering::Relaxed) {
            return None;
        }
        next.0.tick().await;
        next.1 = next.1.wrapping_add(1);
        Some(next.1)
    }
}

async fn http1_client(target: SocketAddr, pace: Arc<Pace>, shared: Arc<Shared>) {
    while !shared.stop.load(Ordering::Relaxed) {
        let connected = async {
            let stream = TokioIo::new(connect(target).await?);
            http1::handshake(stream).await.map_err(|e| e.to_string())
        };
        let Some((mut sender, connection)) = shared.keep(connected.await).await else { continue };
        let connection = tokio::spawn(connection);
        for _ in 0..PER_CONNECTION {
            let Some(n) = pace.next(&shared).await else { break };
            let request = mix::request(n);
            // Once more: an answer of before may have ended the connection.
            let ready = sender.ready().await.map_err(|e| e.to_string());
            let answer = match ready {
                Ok(()) => exchange(sender.send_request(to_hyper(target, &request, false))).await,
                Err(error) => Err(error),
            };
            let failed = answer.is_err();
            shared.count(&request, answer);
            if failed {
                break;
            }
        }
        drop(sender);
        let _closed = timeout(ANSWER_WITHIN, connection).await;
    }
}

async fn http2_client(target: SocketAddr, pace: Arc<Pace>, shared: Arc<Shared>) {
    while !shared.stop.load(Ordering::Relaxed) {
        let connected = async {
            let stream = TokioIo::new(connect(target).await?);
            http2::handshake(TokioExecutor::new(), stream).await.map_err(|e| e.to_string())
        };
        let Some((sender, connection)) = shared.keep(connected.await).await else { continue };
        let connection = tokio::spawn(connection);
        let mut streams = tokio::task::JoinSet::new();
        for _ in 0..HTTP2_STREAMS {
            let (mut sender, pace, shared) = (sender.clone(), Arc::clone(&pace), Arc::clone(&shared));
            streams.spawn(async move {
                while let Some(n) = pace.next(&shared).await {
                    let request = mix::request(n);
                    let answer = exchange(sender.send_request(to_hyper(target, &request, true))).await;
                    let failed = answer.is_err();
                    shared.count(&request, answer);
                    if failed {
                        break;
                    }
                }
            });
        }
        drop(sender);
        while streams.join_next().await.is_some() {}
        let _closed = timeout(ANSWER_WITHIN, connection).await;
    }
}

async fn connect(target: SocketAddr) -> Result<TcpStream, String> {
    let stream = TcpStream::connect(target).await.map_err(|e| format!("{target}: {e}"))?;
    stream.set_nodelay(true).map_err(|e| e.to_string())?;
    Ok(stream)
}

/// One answer, read to its end.
async fn exchange(
    response: impl Future<Output = Result<Response<Incoming>, hyper::Error>>,
) -> Result<(), String> {
    let read = async {
        let mut response = response.await?;
        drain(response.body_mut()).await
    };
    let deadline = Instant::now() + ANSWER_WITHIN;
    match tokio::time::timeout_at(deadline, read).await {
        Ok(Ok(_bytes)) => Ok(()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("no answer within {} s", ANSWER_WITHIN.as_secs())),
    }
}

fn to_hyper(target: SocketAddr, request: &mix::Request, absolute: bool) -> Request<Sized> {
    let mix::Request { method, path, tenant, body, declared } = request;
    // HTTP/2 takes :authority and :scheme from the URI.
    let uri = if absolute { format!("http://{target}{path}") } else { path.clone() };
    let mut built = Request::new(Sized::new(*body, *declared || *body == 0));
    *built.uri_mut() = uri.parse().unwrap_or_else(|_| Uri::from_static("/"));
    *built.method_mut() = method.parse().unwrap_or(hyper::Method::GET);
    let headers = built.headers_mut();
    let texts = [("host", Some(target.to_string())), ("x-tenant-id", tenant.map(str::to_owned))];
    for (name, value) in texts {
        if let Some(value) = value.and_then(|v| v.parse().ok()) {
            headers.insert(name, value);
        }
    }
    built
}

impl Shared {
    /// Counts one request.
    fn count(&self, request: &mix::Request, answer: Result<(), String>) {
        match answer {
            Ok(()) => {
                self.answered.fetch_add(1, Ordering::Relaxed);
                if request.path == "/healthz" {
                    self.excluded.fetch_add(1, Ordering::Relaxed);
                }
            }
            Err(reason) => {
                self.failed.fetch_add(1, Ordering::Relaxed);
                self.note(format!("{} {}: {reason}", request.method, request.path));
            }
        }
    }

    /// A connection; where there is none, the reason is noted, and a moment passes before the next attempt.
    async fn keep<T>(&self, connected: Result<T, String>) -> Option<T> {
        match connected {
            Ok(connected) => Some(connected),
            Err(reason) => {
                self.note(reason);
                sleep(Duration::from_millis(100)).await;
                None
            }
        }
    }

    fn note(&self, reason: String) {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(reason);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::Upstream;
    use std::time::Instant;

    #[test]
    fn every_request_that_is_sent_is_answered() {
        let upstream = Upstream::start().unwrap();
        let mut load = Load::start(upstream.address()).unwrap();
        let deadline = Instant::now() + Duration::from_secs(30);
        while load.sent().answered < 300 {
            assert!(Instant::now() < deadline, "{:?} {:?}", load.sent(), load.failure());
            std::thread::yield_now();
        }
        let sent = load.finish();
        assert_eq!((sent.failed, load.failure()), (0, None));
        assert!(sent.excluded > 0 && sent.excluded < sent.answered);
    }
}
