//! An upstream that does what the header `x-do` of each request says.
//!
//! Words separated by blanks: `status=503`, `first=503` (a status for the first attempt only), `size=1000` (body
//! bytes), `chunked` (no content-length), `hang` (until [`Upstream::release`]), `wait=50` (milliseconds), `reset` (no
//! response), `cut` (headers and half the body, then the connection or the stream is closed), `header=name:value`,
//! `trailer=name:value`, `stall` (half the body, then nothing until [`Upstream::release`]), `early` (answers before
//! the body has come), `mirror` (the body comes back as it arrives), `upgrade=100` (switches protocols, sends back
//! what comes, and closes after so many bytes).

use super::raw_upstream;
use bytes::Bytes;
use futures_util::stream;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Empty, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::service::service_fn;
use hyper::upgrade::Upgraded;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio::sync::watch;

type Answer = Result<Response<BoxBody<Bytes, std::io::Error>>, std::io::Error>;

/// A server on a free port of the loopback; it ends with the runtime that started it.
pub struct Upstream {
    addresses: Addresses,
    seen: Arc<Seen>,
    released: watch::Sender<bool>,
}

/// Where its servers listen.
#[derive(Debug, Clone, Copy)]
pub struct Addresses {
    /// The one that does as each request tells it.
    pub scripted: SocketAddr,
    /// The one that answers as hyper would not.
    pub raw: SocketAddr,
}

/// What has reached it.
#[derive(Default)]
struct Seen {
    requests: AtomicU64,
    body_bytes: AtomicU64,
}

impl Upstream {
    /// Starts it.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let seen = Arc::new(Seen::default());
        let (released, gate) = watch::channel(false);
        let counted = seen.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                stream.set_nodelay(true).expect("every socket can");
                let (seen, gate) = (counted.clone(), gate.clone());
                tokio::spawn(async move {
                    let service = service_fn(|request| {
                        seen.requests.fetch_add(1, Ordering::Relaxed);
                        answer(request, gate.clone(), seen.clone())
                    });
                    let server = auto::Builder::new(TokioExecutor::new());
                    // A connection that ends in an error is what some tests ask for.
                    let _ended = server.serve_connection_with_upgrades(TokioIo::new(stream), service).await;
                });
            }
        });
        let addresses = Addresses { scripted: address, raw: raw_upstream::start().await };
        Self { addresses, seen, released }
    }

    /// Where it and its neighbour listen.
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// How many requests have reached it.
    pub fn requests(&self) -> u64 {
        self.seen.requests.load(Ordering::Relaxed)
    }

    /// How many bytes of request bodies have reached it.
    pub fn body_bytes(&self) -> u64 {
        self.seen.body_bytes.load(Ordering::Relaxed)
    }

    /// Lets every request that hangs, now and later, be answered.
    pub fn release(&self) {
        self.released.send_replace(true);
    }
}

async fn answer(mut request: Request<Incoming>, mut gate: watch::Receiver<bool>, seen: Arc<Seen>) -> Answer {
    let script = request.headers().get("x-do").and_then(|v| v.to_str().ok()).unwrap_or("").to_owned();
    let head = request.method() == hyper::Method::HEAD;
    let mut response = Response::builder();
    let (mut size, mut chunked, mut cut, mut stall) = (0, false, false, false);
    let mut trailers = HeaderMap::new();
    let first = request.headers().get("x-envoy-attempt-count").is_none_or(|attempt| attempt == "1");
    let mut mirrored = None;
    if script.contains("upgrade") {
        let upgraded = hyper::upgrade::on(&mut request);
        let limit = number(script.trim_start_matches("upgrade="));
        tokio::spawn(async move { echo(upgraded.await.expect("an upgrade"), limit).await });
    } else if script.contains("mirror") {
        mirrored = Some(request.into_body());
    } else if script.contains("early") {
        // What is still to come is taken in beside the answer: a server that closes on unread bytes resets the
        // connection, and Envoy may find the reset before the answer.
        tokio::spawn(async move { drain(request.into_body(), &seen).await });
    } else {
        drain(request.into_body(), &seen).await;
    }
    for word in script.split_whitespace() {
        let (verb, value) = word.split_once('=').unwrap_or((word, ""));
        match verb {
            "status" => response = response.status(value),
            "first" if first => response = response.status(value),
            "first" | "mirror" => {}
            // Nobody is to send another request while this one's body is on its way.
            "early" => response = response.header("connection", "close"),
            "size" => size = number(value),
            "chunked" => chunked = true,
            "cut" => cut = true,
            "stall" => stall = true,
            "upgrade" => {
                response =
                    response.status(101).header("connection", "upgrade").header("upgrade", "websocket");
            }
            "hang" => drop(gate.wait_for(|released| *released).await),
            "wait" => tokio::time::sleep(Duration::from_millis(number(value) as u64)).await,
            "reset" => return Err(std::io::Error::other("told to reset")),
            "header" => {
                let (name, value) = value.split_once(':').expect("name:value");
                // A space would end the word.
                response = response.header(name, value.replace("%20", " "));
            }
            "trailer" => {
                let (name, value) = value.split_once(':').expect("name:value");
                // Without its name there HTTP/1 does not send it.
                response = response.header("trailer", name);
                let name = HeaderName::try_from(name).expect("a name");
                trailers.insert(name, HeaderValue::from_str(value).expect("a value"));
            }
            _ => panic!("the upstream does not know {word}"),
        }
    }
    if head || cut || stall {
        // The length that a GET would have, or the whole would.
        response = response.header("content-length", size);
    }
    let body = if let Some(body) = mirrored {
        body.map_err(std::io::Error::other).with_trailers(async { Some(Ok(trailers)) }).boxed()
    } else if head {
        Empty::new().map_err(|never| match never {}).boxed()
    } else if cut {
        let end = async {
            // HTTP/1 sends what is ready before what is not. HTTP/2 would drop it, but not what had to be received
            // before there was room for the next part.
            tokio::task::yield_now().await;
            Err(std::io::Error::other("told to cut"))
        };
        parts(&[size / 4, size / 4], end)
    } else if stall {
        let rest = async move {
            drop(gate.wait_for(|released| *released).await);
            data(size - size / 2)
        };
        parts(&[size / 2], rest)
    } else if chunked || !trailers.is_empty() {
        let mut frames = Vec::new();
        if size > 0 {
            let (first, second) = (size / 2, size - size / 2);
            frames.extend([first, second].map(data));
        }
        if !trailers.is_empty() {
            frames.push(Ok(Frame::trailers(trailers)));
        }
        StreamBody::new(stream::iter(frames)).boxed()
    } else {
        Full::new(Bytes::from(vec![b'x'; size])).map_err(|never| match never {}).boxed()
    };
    Ok(response.body(body).expect("a response"))
}

fn number(text: &str) -> usize {
    text.parse().expect("a number")
}

fn data(size: usize) -> std::io::Result<Frame<Bytes>> {
    Ok(Frame::data(Bytes::from(vec![b'x'; size])))
}

/// A body that begins with parts of these sizes.
fn parts(
    sizes: &[usize],
    rest: impl Future<Output = std::io::Result<Frame<Bytes>>> + Send + Sync + 'static,
) -> BoxBody<Bytes, std::io::Error> {
    let begin: Vec<_> = sizes.iter().copied().map(data).collect();
    let frames = futures_util::StreamExt::chain(stream::iter(begin), stream::once(rest));
    StreamBody::new(Box::pin(frames)).boxed()
}

/// Sends back what comes, and closes after `limit` bytes.
async fn echo(upgraded: Upgraded, limit: usize) {
    let (mut read, mut write) = tokio::io::split(TokioIo::new(upgraded));
    // It may also be the other side that closes.
    let _ended = tokio::io::copy(&mut (&mut read).take(limit as u64), &mut write).await;
}

async fn drain(mut body: Incoming, seen: &Seen) {
    while let Some(Ok(frame)) = body.frame().await {
        let bytes = frame.data_ref().map_or(0, Bytes::len);
        seen.body_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}
