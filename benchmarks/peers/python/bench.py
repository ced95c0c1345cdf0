"""What the Python peers share: values, the loop that measures, and the talk with the parent process. Import only.

The parent gives commands as lines on standard input and gets a line for each; both programs end when that input ends.
Times are monotonic nanoseconds, and the CPU time of both processes is read by the client at both ends of the window, as
the Go clients do.
"""
import json
import os
import resource
import sys
import threading
import time
import warnings

warnings.simplefilter('ignore')  # msgpack deprecates options that mprpc and msgpack-rpc-python are built on

import msgpack

# Pure Python would make the comparison unfair, and msgpack falls back to it without a word.
for cls in (msgpack.Packer, msgpack.Unpacker):
    if cls.__module__ != 'msgpack._cmsgpack':
        sys.exit('msgpack is pure Python (%s), the peers need its C extension' % cls.__module__)

resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)


def payload(n):
    return bytes(i * 7 & 0xff for i in range(256)) * (n // 256) + bytes(i * 7 & 0xff for i in range(n % 256))


RECORD = {
    'id': 1234567, 'parent': 42, 'count': 300, 'level': -7, 'year': 2024, 'created': 1700000000000,
    'changed': 1700000360000, 'flags': 0xbeef, 'price': 19.99, 'weight': 0.25, 'score': -1.5, 'name': 'Zoë Müller',
    'street': '12 Long Acre', 'city': 'Reykjavík', 'country': 'IS', 'mail': 'zoe@example.com',
    'note': 'a note of some length, as people write them when they are asked to', 'active': True, 'verified': False,
    'digest': payload(32),
}
ITEMS = [{'id': i, 'name': 'item %d' % i, 'price': i + 0.5, 'stock': i % 100, 'active': i % 2 == 0}
         for i in range(1000)]


class Methods:
    """The service; sleep is what the peer's manual has for waiting without holding up others."""
    sleep = None

    def sum(self, x, y):
        return x + y

    def echo(self, b):
        return b

    def record(self, r):
        return r

    def list(self, n):
        return ITEMS[:n]

    def slow(self, n):
        type(self).sleep(0.001)
        return n


def lines():
    """The lines of standard input, without buffers of the kind that lock."""
    rest = b''
    while True:
        chunk = os.read(0, 1 << 16)
        if not chunk:
            return
        *whole, rest = (rest + chunk).split(b'\n')
        for line in whole:
            yield line.decode()


def say(value):
    os.write(1, (json.dumps(value) + '\n').encode())


def listening(port):
    """Tells the parent the address, then answers its questions from a thread until it goes away."""
    def talk():
        for _ in lines():
            with open('/proc/self/statm') as f:
                resident = int(f.read().split()[1]) * resource.getpagesize()
            say({'pid': os.getpid(), 'rss': resident, 'go': 0})
        os._exit(0)
    os.write(1, b'LISTEN 127.0.0.1:%d\n' % port)
    threading.Thread(target=talk, daemon=True).start()


def cpu_time(pid):
    """CPU time of a process in ns; the clock's number is that of clock_getcpuclockid on Linux."""
    return time.clock_gettime_ns(~pid << 3 | 2)


class Wrong(Exception):
    pass


def plain(value):
    """msgpack-rpc-python gives texts as bytes."""
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return value
    if isinstance(value, dict):
        return {plain(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return value


class Action:
    """One call of the workload, with what its reply must be."""

    def __init__(self, workload):
        size = workload['size']
        self.method = workload['op']
        self.args, self.reply = {
            'sum': ((1, 2), 3), 'slow': ((7,), 7), 'record': ((RECORD,), RECORD), 'list': ((size,), ITEMS[:size]),
            'echo': ((payload(size),) * 2)
        }[self.method]
        if self.method == 'echo':
            self.args = (self.reply,)

    def check(self, got, thorough=False):
        if self.method in ('record', 'list') and not thorough:
            right = len(got) == len(self.reply)
        elif self.method in ('record', 'list'):
            right = plain(got) == plain(self.reply)
        else:
            right = got == self.reply
        if not right:
            raise Wrong('%s: wrong reply %.200r' % (self.method, got))


class Window:
    """The measurement. Each caller asks going() after every call, with the time of the call's start."""

    def __init__(self, job):
        self.job, self.latencies = job, []
        self.begin = self.end = None
        self.start = time.perf_counter_ns()

    def cpu(self):
        return cpu_time(os.getpid()), cpu_time(self.job['server_pid'])

    def going(self, began):
        now = time.perf_counter_ns()
        if self.begin is None:
            if now - self.start >= self.job['warm_ns']:
                self.before, self.begin = self.cpu(), time.perf_counter_ns()
            return True
        if self.end is not None:
            return False
        self.latencies.append(now - began)
        if now - self.begin < self.job['run_ns']:
            return True
        self.end, self.after = now, self.cpu()
        return False

    def result(self):
        found = sorted(self.latencies)
        return {'calls': len(found), 'elapsed_ns': self.end - self.begin, 'p50_ns': found[len(found) // 2],
                'p99_ns': found[len(found) * 99 // 100], 'client_cpu_ns': self.after[0] - self.before[0],
                'server_cpu_ns': self.after[1] - self.before[1]}


def caller(window, action, calls):
    """One caller, which walks over calls, functions like RPCClient.call."""
    while True:
        for call in calls:
            began = time.perf_counter_ns()
            action.check(call(action.method, *action.args))
            if not window.going(began):
                return


def greenlets(window, action, calls, callers):
    """Callers in greenlets. Each has its share of the connections; where there are fewer they share them."""
    import gevent
    shares = [calls[i::callers] or [calls[i % len(calls)]] for i in range(callers)]
    gevent.joinall([gevent.spawn(caller, window, action, share) for share in shares], raise_error=True)


def drive(job, connect, together=greenlets):
    """The client program. connect(host, port, n) returns functions like RPCClient.call, one for each connection or one for
    a pool; together(window, action, calls, callers) has that many callers call at the same time until the window ends."""
    workload = job['workload']
    action = Action(workload)
    os.write(1, b'READY\n')
    commands = lines()
    try:
        next(commands)
        host, port = job['addr'].rsplit(':', 1)
        calls = connect(host, int(port), workload['conns'])
        for call in calls:
            action.check(call(action.method, *action.args), thorough=True)
        say({})
        next(commands)
        window = Window(job)
        if workload['callers'] == 1:
            caller(window, action, calls)
        else:
            together(window, action, calls, workload['callers'])
        say(window.result())
        next(commands, None)
    except Exception as e:
        say({'error': '%s: %s' % (type(e).__name__, e)})
        raise
    os._exit(0)
