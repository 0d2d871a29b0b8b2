//! Requests in, varied answers out: an HTTP/1.1 and h2c server on a free port of this machine.

use super::body::Sized;
use super::mix;
use super::signals::signals;
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

/// The demo's upstream; it ends when this is dropped, and so do its connections.
#[derive(Debug)]
pub struct Upstream {
    address: SocketAddr,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Upstream {
    /// Starts it on a thread of its own.
    pub fn start() -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
        let address = listener.local_addr()?;
        let (end, ended) = oneshot::channel();
        let thread = std::thread::Builder::new().name("upstream".to_owned()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = serve(listener) => (),
                    _ = ended => (),
                }
            });
            // Connections, and answers that still wait, end with the runtime.
            runtime.shutdown_background();
        })?;
        Ok(Self { address, end: Some(end), thread: Some(thread) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
    }
}

async fn serve(listener: TcpListener) {
    let requests = Arc::new(AtomicU64::new(0));
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                tokio::spawn(serve_connection(stream, Arc::clone(&requests)));
            }
            // Out of file descriptors, most likely: some will be free soon.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

async fn serve_connection(stream: TcpStream, requests: Arc<AtomicU64>) {
    let _latency = stream.set_nodelay(true);
    let service = service_fn(|request| answer(request, requests.fetch_add(1, Ordering::Relaxed)));
    let builder = auto::Builder::new(TokioExecutor::new());
    // A client that goes away is no concern of a demo.
    let _ended = builder.serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(mut request: Request<Incoming>, n: u64) -> Result<Response<Sized>, Infallible> {
    while let Some(Ok(_)) = request.body_mut().frame().await {}
    let mix::Reply { status, body, declared, delay_ms } =
        mix::reply(n, request.method().as_str(), request.uri().path());
    let tenant =
        request.headers().get("x-tenant-id").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let signals = signals(n, request.method().as_str(), request.uri().path(), tenant, status, delay_ms);
    tokio::time::sleep(Duration::from_millis(delay_ms)).await;
    let mut response = Response::new(Sized::new(body, declared));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    for (name, value) in signals.headers() {
        // All of it is ASCII.
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().append(name, value);
        }
    }
    Ok(response)
}

/// Reads a body to its end; how many bytes it had.
pub(super) async fn drain(body: &mut Incoming) -> Result<u64, hyper::Error> {
    let mut total: u64 = 0;
    while let Some(frame) = body.frame().await {
        let bytes = frame?.into_data().unwrap_or_else(|_trailers| Bytes::new());
        total = total.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
    }
    Ok(total)
}
