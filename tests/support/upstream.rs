//! An upstream that does what the header `x-do` of each request says.
//!
//! Words separated by blanks: `status=503`, `size=1000` (body bytes), `chunked` (no content-length), `hang` (until
//! [`Upstream::release`]), `wait=50` (milliseconds), `reset` (no response), `cut` (half the body, then the
//! connection is closed), `header=name:value`, `trailer=name:value`, `stall` (half the body, then nothing until
//! [`Upstream::release`]), `early` (answers before the body is read), `upgrade` (switches protocols, then closes).

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Empty, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;

type Answer = Result<Response<BoxBody<Bytes, std::io::Error>>, std::io::Error>;

/// A server on a free port of the loopback; it ends with the runtime that started it.
pub struct Upstream {
    address: SocketAddr,
    seen: Arc<Seen>,
    released: watch::Sender<bool>,
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
                stream.set_nodelay(true).expect("a socket");
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
        Self { address, seen, released }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
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
    if script.contains("upgrade") {
        let upgraded = hyper::upgrade::on(&mut request);
        // Taken and closed at once.
        tokio::spawn(async move { drop(upgraded.await) });
    } else if !script.contains("early") {
        drain(request.into_body(), &seen).await;
    }
    for word in script.split_whitespace() {
        let (verb, value) = word.split_once('=').unwrap_or((word, ""));
        match verb {
            "status" => response = response.status(value.parse::<u16>().expect("a status")),
            "size" => size = value.parse().expect("a size"),
            "chunked" => chunked = true,
            "cut" => cut = true,
            "stall" => stall = true,
            "early" => {}
            "upgrade" => {
                response =
                    response.status(101).header("connection", "upgrade").header("upgrade", "websocket");
            }
            "hang" => drop(gate.wait_for(|released| *released).await),
            "wait" => tokio::time::sleep(Duration::from_millis(value.parse().expect("milliseconds"))).await,
            "reset" => return Err(std::io::Error::other("told to reset")),
            "header" => {
                let (name, value) = value.split_once(':').expect("name:value");
                response = response.header(name, value);
            }
            "trailer" => {
                let (name, value) = value.split_once(':').expect("name:value");
                let name = HeaderName::try_from(name).expect("a name");
                trailers.insert(name, HeaderValue::from_str(value).expect("a value"));
            }
            _ => panic!("the upstream does not know {word}"),
        }
    }
    let body = if head {
        // The length that a GET would have.
        response = response.header("content-length", size);
        Empty::new().map_err(|never| match never {}).boxed()
    } else if cut {
        response = response.header("content-length", size);
        let half = Frame::data(Bytes::from(vec![b'x'; size / 2]));
        let frames = futures_util::stream::iter([Ok(half), Err(std::io::Error::other("told to cut"))]);
        StreamBody::new(frames).boxed()
    } else if stall {
        response = response.header("content-length", size);
        let half = Frame::data(Bytes::from(vec![b'x'; size / 2]));
        let rest = async move {
            drop(gate.wait_for(|released| *released).await);
            Ok(Frame::data(Bytes::from(vec![b'x'; size - size / 2])))
        };
        let frames = futures_util::stream::once(async move { Ok(half) });
        StreamBody::new(Box::pin(futures_util::StreamExt::chain(frames, futures_util::stream::once(rest))))
            .boxed()
    } else if chunked || !trailers.is_empty() {
        let mut frames = Vec::new();
        if size > 0 {
            let (first, second) = (size / 2, size - size / 2);
            frames.extend([first, second].map(|n| Ok(Frame::data(Bytes::from(vec![b'x'; n])))));
        }
        if !trailers.is_empty() {
            frames.push(Ok(Frame::trailers(trailers)));
        }
        StreamBody::new(futures_util::stream::iter(frames)).boxed()
    } else {
        Full::new(Bytes::from(vec![b'x'; size])).map_err(|never| match never {}).boxed()
    };
    Ok(response.body(body).expect("a response"))
}

async fn drain(mut body: Incoming, seen: &Seen) {
    while let Some(Ok(frame)) = body.frame().await {
        let bytes = frame.data_ref().map_or(0, Bytes::len);
        seen.body_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}
