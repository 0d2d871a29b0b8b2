//! An upstream that does what the header `x-do` of each request says.
//!
//! Words separated by blanks: `status=503`, `size=1000` (body bytes), `chunked` (no content-length), `hang` (until
//! [`Upstream::release`]), `wait=50` (milliseconds), `reset` (no response), `cut` (half the body, then the
//! connection is closed), `header=name:value`, `trailer=name:value`, `early` (answers before the body is read).

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
    requests: Arc<AtomicU64>,
    released: watch::Sender<bool>,
}

impl Upstream {
    /// Starts it.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let requests = Arc::new(AtomicU64::new(0));
        let (released, gate) = watch::channel(false);
        let counter = requests.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (counter, gate) = (counter.clone(), gate.clone());
                tokio::spawn(async move {
                    let service = service_fn(|request| {
                        counter.fetch_add(1, Ordering::Relaxed);
                        answer(request, gate.clone())
                    });
                    let server = auto::Builder::new(TokioExecutor::new());
                    // A connection that ends in an error is what some tests ask for.
                    let _ended = server.serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        Self { address, requests, released }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many requests have reached it.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Lets every request that hangs, now and later, be answered.
    pub fn release(&self) {
        self.released.send_replace(true);
    }
}

async fn answer(request: Request<Incoming>, mut gate: watch::Receiver<bool>) -> Answer {
    let script = request.headers().get("x-do").and_then(|v| v.to_str().ok()).unwrap_or("").to_owned();
    let head = request.method() == hyper::Method::HEAD;
    let mut response = Response::builder();
    let (mut size, mut chunked, mut cut) = (0, false, false);
    let mut trailers = HeaderMap::new();
    if !script.contains("early") {
        drain(request.into_body()).await;
    }
    for word in script.split_whitespace() {
        let (verb, value) = word.split_once('=').unwrap_or((word, ""));
        match verb {
            "status" => response = response.status(value.parse::<u16>().expect("a status")),
            "size" => size = value.parse().expect("a size"),
            "chunked" => chunked = true,
            "cut" => cut = true,
            "early" => {}
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

async fn drain(mut body: Incoming) {
    while let Some(Ok(_)) = body.frame().await {}
}
