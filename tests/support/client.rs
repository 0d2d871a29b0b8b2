//! Requests as data in, answers out; HTTP/1.1 and HTTP/2, on kept or new connections.

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Empty, Full, StreamBody};
use hyper::Request;
use hyper::body::Frame;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;

/// The protocol between client and Envoy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    H1,
    H2,
}

/// A request body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    None,
    /// With content-length.
    Sized(usize),
    /// Without.
    Chunked(usize),
}

impl Body {
    /// Its bytes.
    pub fn len(self) -> usize {
        match self {
            Self::None => 0,
            Self::Sized(n) | Self::Chunked(n) => n,
        }
    }
}

/// One request.
#[derive(Debug, Clone)]
pub struct Call {
    pub version: Version,
    pub method: String,
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Body,
    /// On a connection of its own.
    pub alone: bool,
}

impl Call {
    /// A GET on a kept HTTP/1.1 connection.
    pub fn get(path: &str) -> Self {
        Self {
            version: Version::H1,
            method: "GET".to_owned(),
            path: path.to_owned(),
            headers: Vec::new(),
            body: Body::None,
            alone: false,
        }
    }

    /// With one more header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    fn request(&self, address: SocketAddr) -> Request<BoxBody<Bytes, Infallible>> {
        let body = match self.body {
            Body::None => Empty::new().boxed(),
            Body::Sized(n) => Full::new(Bytes::from(vec![b'x'; n])).boxed(),
            Body::Chunked(n) => {
                // No empty parts: Envoy closes an HTTP/2 connection that sends empty frames.
                let parts = [n / 2, n - n / 2].into_iter().filter(|n| *n > 0);
                let frames = parts.map(|n| Ok(Frame::data(Bytes::from(vec![b'x'; n]))));
                StreamBody::new(futures_util::stream::iter(frames.collect::<Vec<_>>())).boxed()
            }
        };
        let mut request = Request::builder().method(self.method.as_str());
        request = match self.version {
            Version::H1 => request.uri(&self.path).header("host", "test.example"),
            Version::H2 => request.uri(format!("http://{address}{}", self.path)),
        };
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        request.body(body).expect("a request")
    }
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub body_bytes: usize,
    /// Whether the body came to its end.
    pub whole: bool,
}

/// A client with at most one kept connection per protocol.
pub struct Client {
    address: SocketAddr,
    h1: Option<http1::SendRequest<BoxBody<Bytes, Infallible>>>,
    h2: Option<http2::SendRequest<BoxBody<Bytes, Infallible>>>,
}

impl Client {
    /// A client that has not connected yet.
    pub fn new(address: SocketAddr) -> Self {
        Self { address, h1: None, h2: None }
    }

    /// Sends one request and reads its answer to the end; the error where no response came.
    pub async fn call(&mut self, call: &Call) -> Result<Answer, hyper::Error> {
        let request = call.request(self.address);
        let response = match call.version {
            Version::H1 => {
                let mut sender = match self.h1.take().filter(|s| !call.alone && !s.is_closed()) {
                    Some(sender) => sender,
                    None => self.connect_h1().await,
                };
                // A kept connection may take the next request only when this answer has been read.
                sender.ready().await?;
                let response = sender.send_request(request).await?;
                let answer = read(response).await;
                if !call.alone {
                    self.h1 = Some(sender);
                }
                return Ok(answer);
            }
            Version::H2 => {
                let mut sender = match self.h2.take().filter(|s| !call.alone && !s.is_closed()) {
                    Some(sender) => sender,
                    None => self.connect_h2().await,
                };
                sender.ready().await?;
                let response = sender.send_request(request).await?;
                if !call.alone {
                    self.h2 = Some(sender);
                }
                response
            }
        };
        Ok(read(response).await)
    }

    /// Sends an HTTP/2 request and leaves, without an answer, once `reached` holds: the stream is reset.
    pub async fn call_and_leave(&mut self, call: &Call, reached: impl Fn() -> bool) {
        let mut sender = match self.h2.take().filter(|s| !s.is_closed()) {
            Some(sender) => sender,
            None => self.connect_h2().await,
        };
        sender.ready().await.expect("a connection");
        let answer = sender.send_request(call.request(self.address));
        let wait = async {
            let deadline = Instant::now() + Duration::from_secs(30);
            while !reached() {
                assert!(Instant::now() < deadline, "the request did not get through");
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::select! {
            _ = answer => panic!("nobody was to answer {call:?}"),
            () = wait => {}
        }
        self.h2 = Some(sender);
    }

    async fn connect_h1(&self) -> http1::SendRequest<BoxBody<Bytes, Infallible>> {
        let stream = TcpStream::connect(self.address).await.expect("Envoy listens");
        // Else a body waits for the other side's word on the headers.
        stream.set_nodelay(true).expect("a socket");
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.expect("HTTP/1.1");
        tokio::spawn(connection);
        sender
    }

    async fn connect_h2(&self) -> http2::SendRequest<BoxBody<Bytes, Infallible>> {
        let stream = TcpStream::connect(self.address).await.expect("Envoy listens");
        stream.set_nodelay(true).expect("a socket");
        let (sender, connection) =
            http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.expect("HTTP/2");
        tokio::spawn(connection);
        sender
    }
}

async fn read(response: hyper::Response<hyper::body::Incoming>) -> Answer {
    let status = response.status().as_u16();
    let (mut body, mut body_bytes, mut whole) = (response.into_body(), 0, true);
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => body_bytes += frame.data_ref().map_or(0, Bytes::len),
            Err(_) => {
                whole = false;
                break;
            }
        }
    }
    Answer { status, body_bytes, whole }
}

/// Sends `calls` over `lanes` clients at once, each its share in order; the answers are in the order of the calls.
pub async fn send_all(address: SocketAddr, lanes: usize, calls: &[Call]) -> Vec<Answer> {
    let tasks: Vec<_> = (0..lanes)
        .map(|lane| {
            let share: Vec<Call> = calls.iter().skip(lane).step_by(lanes).cloned().collect();
            tokio::spawn(async move {
                let mut client = Client::new(address);
                let mut answers = Vec::new();
                for call in &share {
                    answers.push(client.call(call).await.unwrap_or_else(|e| panic!("{call:?}: {e}")));
                }
                answers
            })
        })
        .collect();
    let mut answers = vec![None; calls.len()];
    for (lane, task) in tasks.into_iter().enumerate() {
        for (i, answer) in task.await.expect("no lane fails").into_iter().enumerate() {
            answers[lane + i * lanes] = Some(answer);
        }
    }
    answers.into_iter().map(|answer| answer.expect("each call was answered")).collect()
}
