//! Requests as data in, answers out; HTTP/1.1 and HTTP/2, on kept or new connections.

use bytes::Bytes;
use futures_util::stream;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Empty, Full, StreamBody};
use hyper::Request;
use hyper::body::Frame;
use hyper::client::conn::{http1, http2};
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::convert::Infallible;
use std::net::SocketAddr;
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
    /// Without, and with a trailer.
    Trailed(usize),
    /// With content-length and a content-type.
    Json(&'static str),
}

impl Body {
    /// Its bytes.
    pub fn len(self) -> usize {
        match self {
            Self::None => 0,
            Self::Sized(n) | Self::Chunked(n) | Self::Trailed(n) => n,
            Self::Json(text) => text.len(),
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
            Body::Chunked(n) => StreamBody::new(stream::iter(in_two(n))).boxed(),
            Body::Json(text) => Full::from(text).boxed(),
            Body::Trailed(n) => {
                let trailers =
                    HeaderMap::from_iter([(HeaderName::from_static("x-sum"), HeaderValue::from(n))]);
                let frames = in_two(n).chain([Ok(Frame::trailers(trailers))]);
                StreamBody::new(stream::iter(frames)).boxed()
            }
        };
        let mut request = Request::builder().method(self.method.as_str());
        request = match self.version {
            Version::H1 => request.uri(&self.path).header("host", "test.example"),
            Version::H2 => request.uri(format!("http://{address}{}", self.path)),
        };
        if let Body::Trailed(_) = self.body {
            request = request.header("trailer", "x-sum").header("te", "trailers");
        }
        if let Body::Json(_) = self.body {
            request = request.header("content-type", "application/json");
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        request.body(body).expect("a request")
    }
}

/// No empty parts: Envoy closes an HTTP/2 connection that sends empty frames.
fn in_two(n: usize) -> impl Iterator<Item = Result<Frame<Bytes>, Infallible>> {
    let parts = [n / 2, n - n / 2].into_iter().filter(|n| *n > 0);
    parts.map(|n| Ok(Frame::data(Bytes::from(vec![b'x'; n]))))
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

    async fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).await.expect("Envoy listens");
        // Else a body waits 40 ms for the acknowledgement of its headers.
        stream.set_nodelay(true).expect("every socket can");
        stream
    }

    async fn connect_h1(&self) -> http1::SendRequest<BoxBody<Bytes, Infallible>> {
        let stream = self.connect().await;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.expect("HTTP/1.1");
        tokio::spawn(connection);
        sender
    }

    async fn connect_h2(&self) -> http2::SendRequest<BoxBody<Bytes, Infallible>> {
        let stream = self.connect().await;
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
