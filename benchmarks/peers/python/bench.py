"""What the Python peers share: values, the loop that measures, and the talk with the parent process. Import only.

The parent gives commands as lines on standard input and gets a line for each; both programs end when that input ends.
Times are monotonic nanoseconds, and the CPU time of both processes is read by the client at both ends of the window, as
the Go clients do.
"""
import array
import datetime
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


def row(i):
    """A load.Row as it looks on the wire. Times are RFC 3339 text, because mprpc cannot take the timestamp extension."""
    created = datetime.datetime(2024, 1, 2, 3, 4, 5, 678901) + datetime.timedelta(minutes=i)
    r = {
        'id': i, 'name': 'article %d' % i, 'tags': ['new', 'sale', 'heavy'][:i % 4], 'price': i + 0.5,
        'created': created.isoformat() + 'Z', 'owner': 'Zoë Müller', 'revision': i % 10,
        'attrs': {'colour': 'blue', 'stock': i % 100},
    }
    if i % 4 == 1:
        r['attrs']['fragile'] = i % 8 == 1
    if i % 4 == 3:
        r['attrs']['weight'] = i / 4
    if i % 2 == 1:
        r['updated'] = (created + datetime.timedelta(hours=36)).isoformat() + 'Z'
    return r


ROWS = [row(i) for i in range(1000)]
STRUCTS = ('record', 'row', 'list', 'rows')  # the methods that return structs


class Methods:
    """The service; sleep is what the peer's manual has for waiting without holding up others."""
    sleep = None

    def sum(self, x, y):
        return x + y

    def echo(self, b):
        return b

    def record(self, r):
        return r

    def row(self, r):
        return r

    def list(self, n):
        return ITEMS[:n]

    def rows(self, n):
        return ROWS[:n]

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
    """A reply that is not what it must be."""

    def __str__(self):
        return 'wrong reply %.200r' % self.args


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
    """One call of the workload, with what its reply must be. wrong(reply) takes next to no time, since what the loop does
    between two calls counts as much as the calls: it compares numbers and bytes whole, and of structs the lengths."""

    def __init__(self, workload):
        self.method, size = workload['op'], workload['size']
        data = payload(size)
        self.args, self.reply = {
            'sum': ((1, 2), 3), 'slow': ((7,), 7), 'record': ((RECORD,), RECORD), 'list': ((size,), ITEMS[:size]),
            'echo': ((data,), data), 'row': ((ROWS[3],), ROWS[3]), 'rows': ((size,), ROWS[:size]),
        }[self.method]
        self.wrong = self.reply.__ne__
        if self.method in STRUCTS:
            n = len(self.reply)
            self.wrong = lambda got: len(got) != n

    def check(self, call):
        """Makes a call and compares all of its reply."""
        got = call(self.method, *self.args)
        right = plain(got) == plain(self.reply) if self.method in STRUCTS else got == self.reply
        if not right:
            raise Wrong(got)


class Window:
    """The measurement. The callers add their latencies, the n-th at index n, and ask turn() when the clock has passed edge.

    The array has its full size from the start, because the loop must leave the heap alone: mprpc's client allocates and
    frees a megabyte for each call, and with a list that grows at the end of the heap each of these costs page faults, which
    made its calls take twice as long.
    """
    FASTEST = 200000  # calls per second that there is room for

    def __init__(self, job):
        self.job, self.began, self.n = job, None, 0
        seconds = max(job['warm_ns'], job['run_ns']) / 1e9
        self.latencies = array.array('q', bytes(8 * int(self.FASTEST * (seconds + 1))))
        self.edge = time.perf_counter_ns() + job['warm_ns']

    def add(self, latency):
        self.latencies[self.n] = latency
        self.n += 1

    def cpu(self):
        return cpu_time(os.getpid()), cpu_time(self.job['server_pid'])

    def turn(self, now):
        """Begins the window, and later ends it: then it is False, for each caller that asks."""
        if self.began is None:
            self.before, self.began = self.cpu(), time.perf_counter_ns()
            self.edge = self.began + self.job['run_ns']
            self.n = 0
            return True
        if self.edge:
            self.elapsed, self.after, self.edge = now - self.began, self.cpu(), 0
            self.found = sorted(self.latencies[:self.n])
        return False

    def result(self):
        n = len(self.found)
        return {'calls': n, 'elapsed_ns': self.elapsed, 'p50_ns': self.found[n // 2], 'p99_ns': self.found[n * 99 // 100],
                'client_cpu_ns': self.after[0] - self.before[0], 'server_cpu_ns': self.after[1] - self.before[1]}


def caller(window, action, calls):
    """One caller, which walks over calls, functions like RPCClient.call. One look at the clock ends a call and begins the
    next."""
    method, args, wrong, clock, add = action.method, action.args, action.wrong, time.perf_counter_ns, window.add
    began = clock()
    while True:
        for call in calls:
            reply = call(method, *args)
            if wrong(reply):
                raise Wrong(reply)
            now = clock()
            add(now - began)
            began = now
            if now >= window.edge and not window.turn(now):
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
            action.check(call)
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
