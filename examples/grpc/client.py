"""Calls the shop's orders in ways that end well and badly, and prints how often each end came.

    client.py HOST:PORT [ROUNDS]
"""

import json
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc

sys.path.append(str(Path(__file__).parent))
messages, services = grpc.protos_and_services("orders.proto")

# Orders in one stream, more than there are timings in the trailers.
LONG = 60
TENANTS = ("acme", "globex", "initech")


def order(item="apple", quantity=1):
    return messages.Order(item=item, quantity=quantity)


def number(number):
    return messages.Number(number=number)


def one_round(stub, refund, tenant):
    """One call of each kind: yields the method and the code that the client saw."""
    metadata = (("x-tenant-id", tenant),)
    called = {"metadata": metadata, "timeout": 60}
    calls = (
        ("Place", lambda: stub.Place(order(quantity=2), **called)),
        ("Place", lambda: stub.Place(order(quantity=0), **called)),
        ("Place", lambda: stub.Place(order("elephant"), **called)),
        ("Place", lambda: stub.Place(order(quantity=1_000_000), **called)),
        ("Get", lambda: stub.Get(number(1), **called)),
        ("Get", lambda: stub.Get(number(1_000_000), **called)),
        # The archive takes longer than that.
        ("Get", lambda: stub.Get(number(0), metadata=metadata, timeout=0.3)),
        ("Watch", lambda: list(stub.Watch(number(1), **called))),
        ("Watch", lambda: list(stub.Watch(number(1_000_000), **called))),
        ("Import", lambda: stub.Import(iter([order(), order("pear", 3)]), **called)),
        ("Import", lambda: stub.Import(iter([order(), order("pear", 0)]), **called)),
        ("Import", lambda: stub.Import(iter([order()] * LONG), **called)),
        ("Refund", lambda: refund(b"", **called)),
    )
    for method, call in calls:
        try:
            call()
            yield method, grpc.StatusCode.OK
        except grpc.RpcError as error:
            yield method, error.code()


def main(address, rounds="10"):
    with grpc.insecure_channel(address) as channel, ThreadPoolExecutor(8) as pool:
        stub = services.OrdersStub(channel)
        # A method that this server does not have.
        refund = channel.unary_unary("/shop.v1.Orders/Refund")
        stub.Place(order(), metadata=(("x-tenant-id", TENANTS[0]),), timeout=60)
        tenants = (TENANTS[i % len(TENANTS)] for i in range(int(rounds)))
        ended = Counter([("Place", grpc.StatusCode.OK)])
        for calls in pool.map(lambda tenant: list(one_round(stub, refund, tenant)), tenants):
            ended.update(calls)
    for (method, code), calls in sorted(ended.items(), key=str):
        print(json.dumps({"method": method, "code": code.value[0], "name": code.name, "calls": calls}))


if __name__ == "__main__":
    main(*sys.argv[1:])
