"""What a gRPC server says of itself at the end of each call, for the gateway to count: copy this file.

    def Get(self, request, context):
        with Signals(context, {"stock": self.stock}) as signals:
            with signals.timing("db", "select"):
                ...

It goes into the trailers, which a call that fails has as well, behind those that the server has set itself.
"""

import math
import re
from contextlib import contextmanager
from time import perf_counter

# Clients refuse a call whose metadata has more than 8 KB: what else a long call does is not said.
MOST_TIMINGS = 50


class Signals:
    """One call's. `load` are the figures of the moment, which may change until the call ends."""

    def __init__(self, context, load):
        self.context, self.load, self.timings = context, load, []

    @contextmanager
    def timing(self, name, description):
        """How long the block took: `db;dur=12.5;desc="select"`. A description is one of a few words of yours."""
        start = perf_counter()
        try:
            yield
        finally:
            milliseconds = (perf_counter() - start) * 1000
            # Printable ASCII without quotes: anything else would make metadata that gRPC does not send.
            description = re.sub(r'[^ !#-\[\]-~]', "_", description)
            if len(self.timings) < MOST_TIMINGS:
                self.timings.append(f'{name};dur={milliseconds:.3f};desc="{description}"')

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        trailers = list(self.context.trailing_metadata() or ())
        report = [f"named_metrics.{name}={value}" for name, value in self.load.items() if math.isfinite(value)]
        if report:
            trailers.append(("endpoint-load-metrics", "TEXT " + ",".join(report)))
        if self.timings:
            trailers.append(("server-timing", ", ".join(self.timings)))
        self.context.set_trailing_metadata(trailers)
