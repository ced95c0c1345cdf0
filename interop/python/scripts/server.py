"""A real mprpc server. Usage: python -u server.py [OPTIONS]

OPTIONS is a JSON object: "port" (absent or 0: the system chooses), and keyword arguments of RPCServer: pack_encoding,
unpack_encoding, pack_params, unpack_params, tcp_no_delay; those that are absent keep mprpc's defaults, null is None.
Prints "LISTEN 127.0.0.1:port" once it accepts, and ends when standard input ends. Tracebacks go to standard error.

Methods:
  sum(x, y), echo(x), none(), count(*args) -> how many
  see(*args)          [[repr, type name], ...], long values cut as peer.show does: what Python made of the arguments
  value(expr)         any Python value, by expression; the names are listed in peer.py
  fail(cls, *args)    raises the exception cls, "ValueError" or "gevent.Timeout", with args; also one that an expression
                      makes, fail("Exception('\\ud800')")
  nap(seconds, x)     sleeps without holding up other connections, then returns x
  hold(x)             prints "HELD x" as a line and does not return
  big(n)              'x' * n
  where()             [host, port] of the caller;  pid() -> process id
  echo(msg), echo_delayed(msg, delay), raise_error(): as in mprpc's own tests
Attributes that a client may try to call: number (not callable), length (the built-in len), helper (a class), _private.
"""
import json
import os
import sys

import peer
import gevent
import gevent.server
from mprpc import RPCServer


class Helper:
    pass


class Server(RPCServer):
    number = 5
    length = len
    helper = Helper

    def sum(self, x, y):
        return x + y

    def echo(self, x):
        return x

    def none(self):
        return None

    def count(self, *args):
        return len(args)

    def see(self, *args):
        return [[peer.show(arg), type(arg).__name__] for arg in args]

    def value(self, expr):
        return eval(expr, peer.names())

    def fail(self, cls, *args):
        exception = eval(cls, peer.names())
        if isinstance(exception, type):
            exception = exception(*args)
        raise exception

    def nap(self, seconds, x):
        gevent.sleep(seconds)
        return x

    def hold(self, x):
        print('HELD', x, flush=True)
        gevent.sleep(3600)

    def big(self, n):
        return 'x' * n

    def where(self):
        return [self.client_host, self.client_port]

    def pid(self):
        return os.getpid()

    def echo_delayed(self, msg, delay):
        gevent.sleep(delay)
        return msg

    def raise_error(self):
        raise Exception('error msg')

    def _private(self):
        return 'private'


options = json.loads(sys.argv[1]) if len(sys.argv) > 1 else {}
server = gevent.server.StreamServer(('127.0.0.1', options.pop('port', 0)), Server(**options))
server.start()
print('LISTEN 127.0.0.1:%d' % server.server_port, flush=True)
peer.watch_stdin()
server.serve_forever()
