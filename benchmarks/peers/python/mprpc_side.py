"""mprpc: RPCServer in gevent's StreamServer, and RPCClient, both with their defaults, as in its README."""
import bench
import gevent
import gevent.server
import mprpc


def serve():
    class Server(bench.Methods, mprpc.RPCServer):
        sleep = staticmethod(gevent.sleep)
    server = gevent.server.StreamServer(('127.0.0.1', 0), Server())
    server.start()
    bench.listening(server.server_port)
    server.serve_forever()


def connect(host, port, n):
    return [mprpc.RPCClient(host, port).call for _ in range(n)]


def drive(job):
    bench.drive(job, connect)
