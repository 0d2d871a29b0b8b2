"""In: the port of an HTTP/3 listener and how often. Out: streams of each kind, so often; the kinds are printed."""

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

    def open(self, kind, method, path, headers, body=None, ends=True):
        stream = self._quic.get_next_available_stream_id()
        self.waiting[stream] = asyncio.get_running_loop().create_future()
        self.begun[stream] = asyncio.Event()
        pseudo = [(":method", method), (":scheme", "https"), (":authority", "localhost"), (":path", path)]
        named = [*pseudo, ("x-kind", kind), ("x-tenant-id", "acme"), *headers]
        pairs = [(name.encode(), value.encode()) for name, value in named]
        self.http.send_headers(stream, pairs, end_stream=body is None and ends)
        if body is not None:
            self.http.send_data(stream, body, end_stream=ends)
        self.transmit()
        return stream

    async def call(self, kind, method, path, script="", body=None, headers=()):
        headers = [("x-do", script), *headers] if script else list(headers)
        await self.ended(self.open(kind, method, path, headers, body), kind)

    async def ended(self, stream, kind):
        try:
            await asyncio.wait_for(self.waiting[stream], 30)
        except asyncio.TimeoutError:
            sys.exit(f"no end of: {kind}")

    async def unanswered(self, kind, path, headers=()):
        """A stream that nobody answers."""
        stream = self.open(kind, "POST", path, [("x-do", "hang"), *headers])
        await self.seen()
        return stream

    async def in_the_response(self, kind, path="/api/v1/models/9", headers=()):
        """A stream of whose answer half has come."""
        stream = self.open(kind, "POST", path, [("x-do", "stall size=6300"), *headers])
        await asyncio.wait_for(self.begun[stream].wait(), 30)
        return stream

    async def in_the_upload(self, kind):
        """A stream of whose request Envoy has a part."""
        length = ("content-length", "1000000")
        stream = self.open(kind, "POST", "/api/v1/models/9", [length], b"x" * 5000, ends=False)
        await self.seen()
        return stream

    async def seen(self):
        """Until Envoy has read what was sent."""
        self.transmit()
        await asyncio.wait_for(self.ping(), 30)

    async def leave(self, stream):
        """As a browser's fetch that is aborted: neither half goes on."""
        self._quic.reset_stream(stream, H3_REQUEST_CANCELLED)
        await self.stop(stream)

    async def stop(self, stream):
        """Asks for no more of the answer."""
        self._quic.stop_stream(stream, H3_REQUEST_CANCELLED)
        await self.seen()


GRPC = [("content-type", "application/grpc"), ("te", "trailers")]
SAY = "/hello.Greeter/Say"
CALLS = [
    ("get", "GET", "/api/v1/models/7", "size=53"),
    ("get chunked", "GET", "/api/v1/models", "size=6300 chunked"),
    ("post", "POST", "/api/v1/models", "status=201 size=7", b"x" * 420),
    # aioquic wants the body of a content-length, for a HEAD too.
    ("head", "HEAD", "/x", "size=0"),
    ("delete", "GET", "/x", "status=404"),
    ("error", "GET", "/x", "status=500 size=7"),
    ("odd method", "FROB", "/x"),
    ("slow", "GET", "/x", "wait=40 size=7"),
    ("retry that succeeds", "GET", "/retry", "first=503 size=7"),
    ("informational", "GET", "/raw", "informational"),
    ("reset after headers", "GET", "/raw", "part"),
    ("cut after headers", "GET", "/x", "cut size=6300"),
    ("reset before headers", "GET", "/x", "reset"),
    ("no healthy upstream", "GET", "/unhealthy"),
    ("no route", "GET", "/unrouted"),
    ("direct response", "GET", "/direct"),
    ("denied", "GET", "/denied"),
    ("timeout", "GET", "/timeout", "hang"),
    ("grpc", "POST", SAY, "trailer=grpc-status:0 size=7", b"x" * 7, GRPC),
    ("grpc error", "POST", SAY, "trailer=grpc-status:13 size=7", b"x" * 7, GRPC),
    ("grpc trailers-only", "POST", SAY, "header=grpc-status:5", b"x" * 7, GRPC),
]


async def main(port, times):
    configuration = QuicConfiguration(is_client=True, alpn_protocols=["h3"], verify_mode=ssl.CERT_NONE)

    def connection():
        return connect("127.0.0.1", port, configuration=configuration, create_protocol=Client)

    async def close_in_the_response():
        async with connection() as client:
            await client.in_the_response("connection closed in the response")

    async def close_in_the_upload():
        async with connection() as client:
            await client.in_the_upload("connection closed in the upload")

    async with connection() as client:
        for _ in range(times):
            for call in CALLS:
                await client.call(*call)
            await client.leave(await client.unanswered("left before headers", "/api/v1/models/9"))
            await client.leave(await client.unanswered("grpc left before headers", SAY, GRPC))
            await client.stop(await client.in_the_response("stopped in the response"))
            await client.leave(await client.in_the_response("left in the response"))
            await client.leave(await client.in_the_upload("left in the upload"))
            await client.leave(await client.in_the_response("grpc left in the response", SAY, GRPC))
    # A connection takes its time to close.
    await asyncio.gather(*(close() for close in [close_in_the_response, close_in_the_upload] for _ in range(times)))
    for kind in [
        *(kind for kind, *_ in CALLS),
        "left before headers",
        "grpc left before headers",
        "stopped in the response",
        "left in the response",
        "left in the upload",
        "grpc left in the response",
        "connection closed in the response",
        "connection closed in the upload",
    ]:
        print(kind)


asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
