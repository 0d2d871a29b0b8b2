"""A shop's orders over gRPC, with a simulated database; redline_signals.py is all that it says of itself.

    server.py [PORT]
"""

import random
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock

import grpc

from redline_signals import Signals

sys.path.append(str(Path(__file__).parent))
messages, services = grpc.protos_and_services("orders.proto")

IN_STOCK = 100_000
# Orders of other years, which are far away.
ARCHIVE = 0


class Orders(services.OrdersServicer):
    def __init__(self):
        self.orders, self.stock, self.lock = {}, IN_STOCK, Lock()

    def Place(self, request, context):
        load = {"orders_placed": 0, "units_sold": 0}
        with Signals(context, load) as signals:
            receipt, stock = self.place(request, context, signals)
            load.update(orders_placed=1, units_sold=request.quantity, stock=stock)
            return receipt

    def Get(self, request, context):
        with Signals(context, {}) as signals:
            return self.find(request.number, context, signals)

    def Watch(self, request, context):
        with Signals(context, {}) as signals:
            receipt = self.find(request.number, context, signals)
            for state in ("placed", "packed", "sent", "delivered"):
                receipt.state = state
                yield receipt

    def Import(self, requests, context):
        load = {"orders_placed": 0, "units_sold": 0}
        with Signals(context, load) as signals:
            for request in requests:
                _receipt, load["stock"] = self.place(request, context, signals)
                load["orders_placed"] += 1
                load["units_sold"] += request.quantity
            return messages.Imported(orders=load["orders_placed"])

    def place(self, order, context, signals):
        if order.quantity == 0:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "an order is of one unit at least")
        if order.item == "elephant":
            raise RuntimeError("nobody had thought of elephants")
        with signals.timing("db", "insert"), self.lock:
            query()
            if order.quantity > self.stock:
                context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, f"there are only {self.stock} left")
            self.stock -= order.quantity
            number = len(self.orders) + 1
            self.orders[number] = order
            stock = self.stock
        return messages.Receipt(number=number, order=order, state="placed"), stock

    def find(self, number, context, signals):
        if number == ARCHIVE:
            time.sleep(1)
        with signals.timing("db", "select"):
            query()
            with self.lock:
                order = self.orders.get(number)
        if order is None:
            context.abort(grpc.StatusCode.NOT_FOUND, "there is no such order")
        return messages.Receipt(number=number, order=order, state="placed")


def query():
    time.sleep(random.expovariate(500))


def main(port="50051"):
    server = grpc.server(ThreadPoolExecutor(32))
    services.add_OrdersServicer_to_server(Orders(), server)
    bound = server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    print(f"listening on 127.0.0.1:{bound}", flush=True)
    server.wait_for_termination()


if __name__ == "__main__":
    main(*sys.argv[1:])
