"""msgpack-rpc-python on tornado: Server and Client with their defaults; call for one caller, call_async for many."""
import collections
import socket
import time

import bench
import msgpackrpc


def serve():
    server = msgpackrpc.Server(bench.Methods())
    server.listen(msgpackrpc.Address('127.0.0.1', 0))
    sockets = server._listeners[0]._mp_server._sockets.values()
    bench.listening(next(s.getsockname()[1] for s in sockets if s.family == socket.AF_INET))
    server.start()


class Call:
    """client.call, with the client at hand."""

    def __init__(self, host, port):
        self.client = msgpackrpc.Client(msgpackrpc.Address(host, port), timeout=30)

    def __call__(self, method, *args):
        return self.client.call(method, *args)


def together(window, action, calls, callers):
    """As many calls in flight as there would be callers; the next one leaves when the oldest is answered."""
    client = calls[0].client
    flying = collections.deque()
    while True:
        while len(flying) < callers:
            flying.append((time.perf_counter_ns(), client.call_async(action.method, *action.args)))
        began, future = flying.popleft()
        reply = future.get()
        if action.wrong(reply):
            raise bench.Wrong(reply)
        now = time.perf_counter_ns()
        window.add(now - began)
        if now >= window.edge and not window.turn(now):
            return


def drive(job):
    bench.drive(job, lambda host, port, n: [Call(host, port) for _ in range(n)], together)
