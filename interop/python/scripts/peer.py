"""What server.py and client.py share; import only.

Names that expressions may use in both: ExtType, msgpack, mprpc, gevent, socket, datetime, decimal, collections,
OrderedDict, Point (a namedtuple), Color (an IntEnum), Text (a subclass of str), os, sys, time.
"""
import collections
import datetime
import decimal
import enum
import hashlib
import os
import sys
import threading
import time
import warnings

warnings.simplefilter('ignore')  # msgpack deprecates the options that mprpc is built on, once per connection

import gevent
from gevent import socket
import mprpc
import msgpack

OrderedDict = collections.OrderedDict
ExtType = msgpack.ExtType
Point = collections.namedtuple('Point', 'x y')
Color = enum.IntEnum('Color', 'RED')

LONG = 200  # longest str or bytes shown as it is
LONGEST = 4000  # longest repr of anything else


class Text(str):
    pass


def names():
    """A new namespace for expressions."""
    return {name: globals()[name] for name in (
        'ExtType', 'OrderedDict', 'Point', 'Color', 'Text', 'msgpack', 'mprpc', 'gevent', 'socket', 'datetime',
        'decimal', 'collections', 'os', 'sys', 'time')}


def show(value):
    """repr(value); str and bytes over 200 are "str len=300 sha256=..." (of the UTF-8), other long ones likewise."""
    if isinstance(value, (str, bytes, bytearray)) and len(value) > LONG:
        return cut(type(value).__name__, value)
    text = repr(value)
    return text if len(text) <= LONGEST else cut('repr', text)


def cut(name, text):
    data = text.encode('utf-8', 'surrogatepass') if isinstance(text, str) else bytes(text)
    return '%s len=%d sha256=%s' % (name, len(text), hashlib.sha256(data).hexdigest())


def watch_stdin(on_line=None):
    """Ends this process when its standard input ends, which it also does when the parent dies in whatever way.

    A thread, not a greenlet, so that a handler that never yields cannot prevent it; os._exit, because sys.exit would
    end the thread only; os.read, because a thread inside sys.stdin aborts the interpreter's orderly exit. on_line gets
    each line that comes before, in that thread.
    """
    def watch():
        rest = b''
        for chunk in iter(lambda: os.read(0, 1 << 16), b''):
            *lines, rest = (rest + chunk).split(b'\n')
            for line in lines:
                if on_line:
                    on_line(line.decode())
        os._exit(0)
    threading.Thread(target=watch, daemon=True).start()
