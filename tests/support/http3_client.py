"""In: the port of an HTTP/3 listener and how often. Out: its streams, each kind so often; the number is printed."""

import asyncio
import ssl
import sys

from aioquic.asyncio.client import connect
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.h3.connection import H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import StreamReset

H3_REQUEST_CANCELLED = 0x10C


class Client(QuicConnectionProtocol):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.http = H3Connection(self._quic)
        self.waiting = {}
        self.begun = {}

    def quic_event_received(self, event):
        if isinstance(event, StreamReset):
            self.done(event.stream_id)
        for h3_event in self.http.handle_event(event):
            if isinstance(h3_event, (HeadersReceived, DataReceived)):
                self.begun[h3_event.stream_id].set()
                if h3_event.stream_ended:
                    self.done(h3_event.stream_id)

    def done(self, stream):
        future = self.waiting.get(stream)
        if future is not None and not future.done():
            future.set_result(None)

    def open(self, method, path, headers, body, ends=True):
        stream = self._quic.get_next_available_stream_id()
        self.waiting[stream] = asyncio.get_running_loop().create_future()
        self.begun[stream] = asyncio.Event()
        pseudo = [(":method", method), (":scheme", "https"), (":authority", "localhost"), (":path", path)]
        pairs = [(name.encode(), value.encode()) for name, value in [*pseudo, ("x-tenant-id", "acme"), *headers]]
        self.http.send_headers(stream, pairs, end_stream=body is None and ends)
        if body is not None:
            self.http.send_data(stream, body, end_stream=ends)
        self.transmit()
        return stream

    async def call(self, method, path, script="", body=None, headers=()):
        headers = [("x-do", script), *headers] if script else list(headers)
        stream = self.open(method, path, headers, body)
        try:
            await asyncio.wait_for(self.waiting[stream], 30)
        except asyncio.TimeoutError:
            sys.exit(f"no answer to {method} {path} {script}")

    async def leave_in_the_middle(self, path):
        """Resets the stream when half of the answer has come."""
        stream = self.open("GET", path, [("x-do", "stall size=6300")], None)
        await asyncio.wait_for(self.begun[stream].wait(), 30)
        self._quic.stop_stream(stream, H3_REQUEST_CANCELLED)
        self.transmit()
        await asyncio.wait_for(self.ping(), 30)


async def main(port, times):
    configuration = QuicConfiguration(is_client=True, alpn_protocols=["h3"], verify_mode=ssl.CERT_NONE)
    streams = 0
    async with connect("127.0.0.1", port, configuration=configuration, create_protocol=Client) as client:
        grpc = [("content-type", "application/grpc"), ("te", "trailers")]
        calls = [
            ("GET", "/api/v1/models/7", "size=53"),
            ("GET", "/api/v1/models", "size=6300 chunked"),
            ("POST", "/api/v1/models", "status=201 size=7", b"x" * 420),
            # aioquic wants the body of a content-length, for a HEAD too.
            ("HEAD", "/x", "size=0"),
            ("GET", "/x", "status=404"),
            ("GET", "/x", "status=500 size=7"),
            ("FROB", "/x"),
            ("GET", "/x", "cut size=6300"),
            ("GET", "/x", "reset"),
            ("GET", "/unhealthy"),
            ("GET", "/unrouted"),
            ("GET", "/direct"),
            ("GET", "/denied"),
            ("GET", "/timeout", "hang"),
            ("POST", "/hello.Greeter/Say", "trailer=grpc-status:0 size=7", b"x" * 7, grpc),
            ("POST", "/hello.Greeter/Say", "trailer=grpc-status:13 size=7", b"x" * 7, grpc),
            ("POST", "/hello.Greeter/Say", "header=grpc-status:5", b"x" * 7, grpc),
        ]
        for _ in range(times):
            for call in calls:
                await client.call(*call)
            await client.leave_in_the_middle("/api/v1/models/9")
            streams += len(calls) + 1
    print(streams)


asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
