//! HTTP/2 streams frame by frame: halves that end apart, tunnels, resets where a client wants them.

use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use h2::{Reason, RecvStream, SendStream};
use hyper::Request;
use std::net::SocketAddr;
use tokio::net::TcpStream;
use tokio::runtime::Runtime;

/// A connection, which outlives what happens to its streams.
pub struct Connection<'a> {
    runtime: &'a Runtime,
    sender: SendRequest<Bytes>,
}

/// A stream of which the request's headers have been sent.
pub struct Stream<'a> {
    runtime: &'a Runtime,
    response: ResponseFuture,
    request_body: SendStream<Bytes>,
    response_body: Option<RecvStream>,
}

impl<'a> Connection<'a> {
    /// Connects.
    pub fn open(runtime: &'a Runtime, address: SocketAddr) -> Self {
        let sender = runtime.block_on(async {
            let stream = TcpStream::connect(address).await.expect("Envoy listens");
            stream.set_nodelay(true).expect("every socket can");
            let (sender, connection) = h2::client::handshake(stream).await.expect("HTTP/2");
            tokio::spawn(connection);
            sender
        });
        Self { runtime, sender }
    }

    /// Sends a request's headers.
    pub fn send(&mut self, request: Request<()>, ends: bool) -> Stream<'a> {
        self.runtime.block_on(std::future::poll_fn(|cx| self.sender.poll_ready(cx))).expect("a connection");
        let (response, request_body) = self.sender.send_request(request, ends).expect("a request");
        Stream { runtime: self.runtime, response, request_body, response_body: None }
    }
}

impl Stream<'_> {
    /// Sends bytes.
    pub fn send(&mut self, bytes: &'static [u8]) {
        self.request_body.send_data(Bytes::from_static(bytes), false).expect("an open stream");
    }

    /// The status, as soon as the response has begun.
    pub fn status(&mut self) -> u16 {
        let response = self.runtime.block_on(&mut self.response).expect("a response");
        let status = response.status().as_u16();
        self.response_body = Some(response.into_body());
        status
    }

    /// Reads so many bytes of the body whose status has been read, fewer where it ends or is reset; how many.
    pub fn receive(&mut self, most: usize) -> usize {
        let body = self.response_body.as_mut().expect("a response that has begun");
        let mut received = 0;
        while received < most
            && let Some(Ok(data)) = self.runtime.block_on(body.data())
        {
            body.flow_control().release_capacity(data.len()).expect("what was received");
            received += data.len();
        }
        received
    }

    /// Ends the request.
    pub fn end(&mut self) {
        self.request_body.send_data(Bytes::new(), true).expect("an open stream");
    }

    /// Leaves.
    pub fn reset(mut self) {
        self.request_body.send_reset(Reason::CANCEL);
    }
}
