"""A small ML platform with a simulated database, feature cache and models; redline_signals.py is all that it sends.

It also keeps the same figures with prometheus_client, at /metrics: a real service would not need to, this one shows
that both agree.
"""

import asyncio
import random
from contextlib import contextmanager
from time import perf_counter
from typing import Annotated

from fastapi import FastAPI, Header, HTTPException, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from pydantic import BaseModel

from redline_signals import Signals, cache, timing

OWN = CollectorRegistry()
BOUNDS = (1, 2, 5, 10, 25, 50, 75)
MODELS_CREATED = Counter("models_created_total", "Models created", ["tenant"], registry=OWN)
MODELS_DELETED = Counter("models_deleted_total", "Models deleted", ["tenant"], registry=OWN)
MODELS = Gauge("models_total", "Models there are", registry=OWN)
PREDICTIONS = Counter("predictions_total", "Predictions", ["tenant", "model", "outcome"], registry=OWN)
PREDICTION_LATENCY = Histogram("prediction_latency_milliseconds", "Inference", registry=OWN, buckets=BOUNDS)
DB_QUERIES = Counter("db_queries_total", "Queries", ["operation"], registry=OWN)
DB_DURATION = Histogram("db_query_duration_milliseconds", "Queries", ["operation"], registry=OWN, buckets=BOUNDS)
DB_POOL_SIZE = Gauge("db_pool_size", "Connections there are", registry=OWN)
DB_CONNECTIONS = Gauge("db_connections", "Connections by state", ["state"], registry=OWN)
CACHE_HITS = Counter("cache_hits_total", "Look-ups that found something", registry=OWN)
CACHE_MISSES = Counter("cache_misses_total", "Look-ups that did not", registry=OWN)
CACHE_DURATION = Histogram("cache_operations_duration_milliseconds", "Cache", registry=OWN, buckets=BOUNDS)

Tenant = Annotated[str, Header(alias="x-tenant-id")]


@contextmanager
def measured(name, description, histogram):
    """Says how long the block took, in the response and to prometheus_client."""
    start = perf_counter()
    try:
        yield
    finally:
        milliseconds = round((perf_counter() - start) * 1000, 3)
        timing(name, milliseconds, description)
        # Envoy's histograms hold whole numbers: Redline rounds a time down.
        histogram.observe(int(milliseconds))


class Database:
    size, active = 20, 0

    def take(self, spare=0):
        if self.active + spare >= self.size:
            raise HTTPException(503, "no connection is left")
        self.active += 1

    async def query(self, operation):
        self.take()
        try:
            with measured("db", operation, DB_DURATION.labels(operation)):
                await asyncio.sleep(random.expovariate(250))
        finally:
            self.active -= 1
            self.report()
            DB_QUERIES.labels(operation).inc()

    def report(self):
        """Server-Timing's `dur` may be any number: so one gauge has a label for the state."""
        for state, connections in (("active", self.active), ("idle", self.size - self.active)):
            timing("db_connections", connections, state)
            DB_CONNECTIONS.labels(state).set(connections)


class Features:
    """A cache that holds the features of the last few inputs."""

    def __init__(self):
        self.held = {}

    async def get(self, key):
        with measured("cache", "get", CACHE_DURATION):
            await asyncio.sleep(random.expovariate(2000))
        hit = key in self.held
        cache("features", hit)
        (CACHE_HITS if hit else CACHE_MISSES).inc()
        return self.held.get(key)

    async def put(self, key, value):
        with measured("cache", "set", CACHE_DURATION):
            await asyncio.sleep(random.expovariate(1000))
        self.held[key] = value
        while len(self.held) > 8:
            del self.held[next(iter(self.held))]


class NewModel(BaseModel):
    name: str


class Input(BaseModel):
    value: float


database, features = Database(), Features()
models = {}  # (tenant, model) to how many trainings hold a connection for it
DB_POOL_SIZE.set(database.size)
MODELS.set_function(lambda: len(models))
api = FastAPI(title="ML platform")


def known(tenant, model):
    if (tenant, model) not in models:
        raise HTTPException(404, "there is no such model")


@api.post("/api/v1/models", status_code=201)
async def create(new: NewModel, tenant: Tenant):
    await database.query("insert")
    if (tenant, new.name) in models:
        raise HTTPException(409, "there is such a model")
    models[tenant, new.name] = 0
    MODELS_CREATED.labels(tenant).inc()
    return new


@api.get("/api/v1/models")
async def of_tenant(tenant: Tenant):
    await database.query("select")
    return [name for owner, name in models if owner == tenant]


@api.get("/api/v1/models/{model}")
async def one(model: str, tenant: Tenant):
    await database.query("select")
    known(tenant, model)
    return {"name": model, "trainings": models[tenant, model]}


@api.delete("/api/v1/models/{model}", status_code=204)
async def delete(model: str, tenant: Tenant):
    await database.query("delete")
    known(tenant, model)
    database.active -= models.pop((tenant, model))
    database.report()
    MODELS_DELETED.labels(tenant).inc()


@api.post("/api/v1/models/{model}/trainings", status_code=202)
async def train(model: str, tenant: Tenant):
    """A training holds a connection until its model is deleted. A few are spared for queries."""
    await database.query("select")
    known(tenant, model)
    database.take(spare=5)
    models[tenant, model] += 1
    database.report()


@api.post("/api/v1/models/{model}/predict")
async def predict(model: str, data: Input, tenant: Tenant):
    known(tenant, model)
    found = await features.get(data.value)
    if found is None:
        await database.query("select")
        found = abs(data.value)
        await features.put(data.value, found)
    outcome = "failed" if data.value < 0 else "unsure" if found < 1 else "ok"
    PREDICTIONS.labels(tenant, model, outcome).inc()
    with measured("inference", outcome, PREDICTION_LATENCY):
        await asyncio.sleep(random.expovariate(100))
        if outcome == "failed":
            raise ValueError("no model likes numbers below zero")
    return {"score": found / (found + 1), "outcome": outcome}


@api.get("/metrics")
def metrics():
    return Response(generate_latest(OWN), media_type=CONTENT_TYPE_LATEST)


app = Signals(api, lambda: {"db_pool_size": database.size, "models_total": len(models)})
