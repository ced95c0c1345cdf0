"""What Python's own msgpack makes of values. Usage: python -u msgpack_corpus.py [DIRECTORY]

DIRECTORY, below this environment, holds another msgpack than the environment's own. Prints READY, then reads one JSON
object per line and answers each with one line; ends when standard input ends. A question has
  hex     bytes to unpack
  expr    an expression to evaluate and to pack; its names are those of namespace below
  single  pack with use_single_float
  tuples  unpack with use_list=False, without which no list can be a key
and its answer
  made, packed        repr of the value of expr, and what it is packed to, in hex
  read, type, again   repr of what hex, or else packed, is unpacked to, its type, and what that is packed to
A step that raises an exception has "raises Class: text" in its place, and those after it are left out. Dicts are shown in
the order of their keys' reprs, because Go writes maps in any order.
"""
import collections
import datetime
import decimal
import enum
import functools
import hashlib
import json
import os
import sys
import uuid

if len(sys.argv) > 1:
    sys.path.insert(0, os.path.join(sys.prefix, sys.argv[1]))
import msgpack

LONGEST = 2000  # longest repr that is shown as it is
sys.setrecursionlimit(20000)  # show walks down values as deep as msgpack reads them


class Packed(bytes):
    """What an expression has packed itself, with options of its own."""


class Text(str):
    pass


namespace = {
    'ExtType': msgpack.ExtType, 'Timestamp': getattr(msgpack, 'Timestamp', None), 'msgpack': msgpack, 'Packed': Packed,
    'Text': Text, 'Color': enum.IntEnum('Color', 'RED'), 'Point': collections.namedtuple('Point', 'x y'),
    'collections': collections, 'functools': functools, 'datetime': datetime, 'decimal': decimal, 'uuid': uuid,
    'nest': lambda n, f, v: functools.reduce(lambda inner, _: f(inner), range(n), v),  # f around v, n times
}


def show(v):
    # A comprehension adds no frame of C, of which newer Pythons allow few.
    kind = type(v)
    if kind is list:
        return '[' + ', '.join([show(x) for x in v]) + ']'
    if kind is tuple:
        return '(' + ', '.join([show(x) for x in v]) + ',)'
    if kind is dict:
        return '{' + ', '.join(sorted([show(k) + ': ' + show(x) for k, x in v.items()])) + '}'
    return repr(v)


def shown(v):
    text = show(v)
    if len(text) <= LONGEST:
        return text
    return 'len=%d sha256=%s' % (len(text), hashlib.sha256(text.encode()).hexdigest())


def steps(question, result):
    """Yields the name of each step before it is taken."""
    pack = functools.partial(msgpack.packb, use_bin_type=True)
    data = bytes.fromhex(question.get('hex', ''))
    if 'expr' in question:
        yield 'made'
        value = eval(question['expr'], namespace)
        result['made'] = shown(value)
        yield 'packed'
        packed = value if isinstance(value, Packed) else pack(value, use_single_float=question.get('single', False))
        result['packed'] = packed.hex()
        data = data or packed
    yield 'read'
    value = msgpack.unpackb(data, raw=False, strict_map_key=False, use_list=not question.get('tuples', False))
    result['read'], result['type'] = shown(value), type(value).__name__
    yield 'again'
    result['again'] = pack(value).hex()


def answer(question):
    result, step = {}, None
    try:
        for step in steps(question, result):
            pass
    except Exception as e:
        result[step] = 'raises %s: %s' % (type(e).__name__, e)
    return result


print('READY', flush=True)
for line in sys.stdin:
    print(json.dumps(answer(json.loads(line))), flush=True)
