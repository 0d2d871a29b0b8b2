//! So many requests over kept connections, one after the other on each; and an upstream for them.

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Full};
use hyper::client::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::net::{TcpListener, TcpStream};

/// Requests that are under way at a time.
const LANES: usize = 16;

/// What a client speaks with Envoy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// HTTP/1.1, a connection each.
    Http1,
    /// HTTP/2, four streams a connection.
    Http2,
}

/// What an API's client sends behind a browser or an SDK.
fn request(address: SocketAddr, protocol: Protocol, path: &str) -> Request<Empty<Bytes>> {
    let request = Request::get(match protocol {
        Protocol::Http1 => path.to_owned(),
        Protocol::Http2 => format!("http://{address}{path}"),
    });
    let request = match protocol {
        Protocol::Http1 => request.header("host", "api.example.com"),
        Protocol::Http2 => request,
    };
    request
        .header("user-agent", "bench/1.0")
        .header("accept", "*/*")
        .header("x-tenant-id", "acme")
        .header("x-request-id", "3f0e5c2e-6d53-4b5c-b8bb-3d2f4c7f9b11")
        .body(Empty::new())
        .expect("a request")
}

/// Sends `count` requests and waits for their answers, which have to be 200.
pub(crate) async fn send(address: SocketAddr, protocol: Protocol, paths: Arc<[String]>, count: usize) {
    let left = Arc::new(AtomicUsize::new(0));
    let take = move || {
        let taken = left.fetch_add(1, Ordering::Relaxed);
        (taken < count).then_some(taken)
    };
    let mut lanes = Vec::new();
    let streams = if protocol == Protocol::Http2 { 4 } else { 1 };
    for _ in 0..LANES / streams {
        let io = TcpStream::connect(address).await.expect("Envoy listens");
        io.set_nodelay(true).expect("every socket can");
        let io = TokioIo::new(io);
        match protocol {
            Protocol::Http1 => {
                let (mut sender, connection) = http1::handshake(io).await.expect("HTTP/1.1");
                tokio::spawn(connection);
                let (paths, take) = (paths.clone(), take.clone());
                lanes.push(tokio::spawn(async move {
                    while let Some(n) = take() {
                        let request = request(address, protocol, &paths[n % paths.len()]);
                        finish(sender.send_request(request).await).await;
                    }
                }));
            }
            Protocol::Http2 => {
                let (sender, connection) = http2::handshake(TokioExecutor::new(), io).await.expect("HTTP/2");
                tokio::spawn(connection);
                for _ in 0..streams {
                    let (paths, take, mut sender) = (paths.clone(), take.clone(), sender.clone());
                    lanes.push(tokio::spawn(async move {
                        while let Some(n) = take() {
                            let request = request(address, protocol, &paths[n % paths.len()]);
                            finish(sender.send_request(request).await).await;
                        }
                    }));
                }
            }
        }
    }
    for lane in lanes {
        lane.await.expect("no lane fails");
    }
}

async fn finish(response: Result<Response<hyper::body::Incoming>, hyper::Error>) {
    let response = response.expect("an answer");
    assert_eq!(response.status(), 200);
    response.into_body().collect().await.expect("a whole answer");
}

/// An upstream that answers everything with a short JSON; it ends with the runtime.
pub(crate) async fn upstream() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            stream.set_nodelay(true).expect("every socket can");
            let service = service_fn(|_| async {
                let answer = Response::builder().header("content-type", "application/json");
                Ok::<_, Infallible>(
                    answer.body(Full::new(Bytes::from_static(b"{\"id\":42}"))).expect("an answer"),
                )
            });
            tokio::spawn(
                hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service),
            );
        }
    });
    address
}
