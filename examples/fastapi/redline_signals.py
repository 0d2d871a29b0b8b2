"""What an application says of itself in each response, for the gateway to count: copy this file.

    app = Signals(app, load)    # `load` returns the figures of the moment, by name

`Signals` goes around the whole application. Added with `add_middleware` it would stand inside of what answers an
unhandled exception with 500, and these responses would say nothing. What is said after a response has begun, by a
stream or a background task, is lost.
"""

import re
from contextvars import ContextVar

# Proxies refuse headers past some 60 KB: what else a long request does is not said.
MOST = 100
_said = ContextVar("said by the response")


def timing(name, milliseconds, description):
    """Something took so long: `db;dur=12.5;desc="select"`. A description is one of a few words of yours, no client's."""
    # Printable ASCII without quotes: nothing that a client sends may end the header.
    description = re.sub(r'[^ !#-\[\]-~]', "_", description)
    _say("server-timing", f'{name};dur={milliseconds};desc="{description}"')


def cache(name, hit):
    """A cache had the answer or had not (RFC 9211)."""
    _say("cache-status", f"{name}; hit" if hit else f"{name}; fwd=miss")


def _say(header, value):
    values = _said.get({}).setdefault(header, [])
    if len(values) < MOST:
        values.append(value)


class Signals:
    """The middleware: Server-Timing and Cache-Status, where there is something to say, and an ORCA load report."""

    def __init__(self, app, load):
        self.app, self.load = app, load

    async def __call__(self, scope, receive, send):
        said = {}
        _said.set(said)

        async def send_with_signals(message):
            if message["type"] == "http.response.start":
                report = ",".join(f"named_metrics.{name}={value}" for name, value in self.load().items())
                lines = {**said, "endpoint-load-metrics": [f"TEXT {report}"]}
                more = [(name.encode(), ", ".join(values).encode()) for name, values in lines.items()]
                message["headers"] = [*message.get("headers", ()), *more]
            await send(message)

        await self.app(scope, receive, send_with_signals)
