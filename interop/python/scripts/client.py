"""A driver of real mprpc clients. Usage: python -u client.py HOST PORT [CONFIG]

CONFIG is a JSON object: "class" (RPCClient or RPCPoolClient), "options" (its keyword arguments) and "pool" (keyword
arguments of gsocketpool's Pool). Prints READY, then reads one JSON object per line, {"expr": EXPRESSION} or
{"exec": STATEMENTS}, and answers each with one line:
  {"ok": true, "repr": ..., "type": ...}                            long values cut as peer.show does
  {"ok": false, "error": class, "text": str(e), "mro": [classes]}
Ends when standard input ends. What expressions print goes to standard error.

Names in expressions, besides those of peer.py and what earlier statements defined:
  client              an RPCClient or RPCPoolClient, connected when the name is first used
  call(method, *args) client.call(method, *args)
  reopen()            closes client and connects a new one, which it returns
  connect(**options)  a further client of the same class, options added to those of CONFIG
  pool                a gsocketpool Pool of RPCPoolClient to the same address, made when first used
  pooled(method, *args)  one call on a client of the pool
  greenlets(n, fn)    the list of fn(0) ... fn(n-1), each in a greenlet of its own; the first exception is raised
  outcome(fn, *args)  its value, or the exception as text "Class: text"
  RPCClient, RPCPoolClient, RPCError, Pool, host, port, show
"""
import json
import sys

import peer
import gevent
import gevent.queue
import gsocketpool.pool
import mprpc
import mprpc.exceptions

host, port = sys.argv[1], int(sys.argv[2])
config = json.loads(sys.argv[3]) if len(sys.argv) > 3 else {}
cls = getattr(mprpc, config.get('class', 'RPCClient'))
options = config.get('options', {})


class Names(dict):
    """The namespace; a client or a pool is made only when an expression asks for it."""

    def __missing__(self, name):
        if name == 'client':
            self[name] = connect()
        elif name == 'pool':
            self[name] = gsocketpool.pool.Pool(mprpc.RPCPoolClient, dict(options, host=host, port=port),
                                               **config.get('pool', {}))
        else:
            raise KeyError(name)
        return self[name]


def connect(**more):
    client = cls(host, port, **dict(options, **more))
    if cls is mprpc.RPCPoolClient:  # always lazy
        client.open()
    return client


def call(method, *args):
    return space['client'].call(method, *args)


def reopen():
    old = space.pop('client', None)
    if old is not None and old.is_connected():
        old.close()
    return space['client']


def pooled(method, *args):
    with space['pool'].connection() as client:
        return client.call(method, *args)


def greenlets(n, fn):
    tasks = [gevent.spawn(fn, i) for i in range(n)]
    gevent.joinall(tasks, raise_error=True)
    return [task.value for task in tasks]


def outcome(fn, *args):
    try:
        return fn(*args)
    except Exception as e:
        return '%s: %s' % (type(e).__name__, e)


def answer(line):
    try:
        command = json.loads(line)
        if 'exec' in command:
            value = exec(command['exec'], space)
        else:
            value = eval(command['expr'], space)
        return {'ok': True, 'repr': peer.show(value), 'type': type(value).__name__}
    except BaseException as e:  # gevent.Timeout and SystemExit are answers as well
        text = str(e)
        return {'ok': False, 'error': type(e).__name__, 'mro': [c.__name__ for c in type(e).__mro__],
                'text': text if len(text) <= peer.LONGEST else peer.cut('text', text)}


space = Names(peer.names(), call=call, reopen=reopen, connect=connect, pooled=pooled, greenlets=greenlets,
              outcome=outcome, host=host, port=port, show=peer.show, Pool=gsocketpool.pool.Pool,
              RPCClient=mprpc.RPCClient, RPCPoolClient=mprpc.RPCPoolClient, RPCError=mprpc.exceptions.RPCError)

replies, sys.stdout = sys.stdout, sys.stderr
print('READY', file=replies, flush=True)

# Lines come from a thread; only send may be called from there to wake the event loop.
lines, arrived = gevent.queue.Queue(), []
wake = gevent.get_hub().loop.async_()
wake.start(lambda: [lines.put(arrived.pop(0)) for _ in range(len(arrived))])


def receive(line):
    arrived.append(line)
    wake.send()


peer.watch_stdin(receive)
for line in lines:
    print(json.dumps(answer(line)), file=replies, flush=True)
