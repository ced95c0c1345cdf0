"""ZeroRPC: Server and Client with their defaults, as in its README; greenlets share a Client."""
import bench
import gevent
import zerorpc
import zmq


class Methods(bench.Methods):
    sleep = staticmethod(gevent.sleep)


def serve():
    server = zerorpc.Server(Methods())
    server.bind('tcp://127.0.0.1:*')
    endpoint = server._events._socket.getsockopt(zmq.LAST_ENDPOINT).rstrip(b'\0').decode()
    bench.listening(int(endpoint.rsplit(':', 1)[1]))
    server.run()


def connect(host, port, n):
    calls = []
    for _ in range(n):
        client = zerorpc.Client()
        client.connect('tcp://%s:%d' % (host, port))
        calls.append(client)
    return calls


def drive(job):
    bench.drive(job, connect)
