"""The plain loop of mprpc, after its README, with nothing of the harness: plain_mprpc.py server, or client ADDR SECONDS."""
import sys
import threading
import time

from gevent.server import StreamServer
from mprpc import RPCClient, RPCServer


class SumServer(RPCServer):
    def sum(self, x, y):
        return x + y


def end_with_input():
    import os
    while os.read(0, 100):
        pass
    os._exit(0)


if sys.argv[1] == 'server':
    server = StreamServer(('127.0.0.1', 0), SumServer())
    server.start()
    print('LISTEN 127.0.0.1:%d' % server.server_port, flush=True)
    threading.Thread(target=end_with_input, daemon=True).start()
    server.serve_forever()
else:
    host, port = sys.argv[2].split(':')
    seconds = float(sys.argv[3])
    client = RPCClient(host, int(port))
    print('READY', flush=True)
    start, n = time.time(), 0
    while time.time() - start < seconds:
        for _ in range(10):
            client.call('sum', 1, 2)
        n += 10
    print(n / (time.time() - start), flush=True)
