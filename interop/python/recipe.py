"""The recipe of the environment that holds the real peers; a program for any python3 from 3.8 to 3.12.

    recipe.py probe       prints what the environment depends on, as JSON
    recipe.py build DIR   builds it in DIR; one "step: ..." line per step, then "done: " and the versions as JSON

Go runs it from standard input and names the environment by a hash of this text and of the probe, so every change here
makes a new environment. Exit status 3 means that something of the system is missing; the line "missing: ..." says what.

Why not plain pip: the C files that mprpc 0.1.17 ships do not compile on Python 3.9 and later, and msgpack 0.6.2 (the
newest that mprpc can use is below 1.0) then falls back to pure Python without a word, which would make measurements
against it unfair. Both ship their Cython sources, so they are translated anew with the last Cython 0.29.

A current msgpack, which other programs have, lies in the folder "modern" of DIR, out of mprpc's sight.
"""
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile

OLDEST, NEWEST = (3, 8), (3, 12)  # Python 3.13 has lost C functions that msgpack 0.6.2 calls

TOOLS = ['cython==0.29.37', 'setuptools==75.3.0', 'wheel==0.45.1']
LIBRARIES = ['gevent==' + ('24.11.1' if sys.version_info >= (3, 9) else '24.2.1'),
             'greenlet==3.1.1', 'zope.event==5.0', 'zope.interface==7.2']
MODERN = 'msgpack==1.1.1'  # the last for Python 3.8
# Name, version, SHA-256 of the source archive, arguments of Cython, and what must import after it.
SOURCES = [
    ('msgpack', '0.6.2', 'ea3c2f859346fcd55fc46e96885301d9c2f7a36d453f5d8f2967840efa1e1830',
     ['--cplus', '-3', 'msgpack/_cmsgpack.pyx'], 'msgpack._cmsgpack'),
    ('gsocketpool', '0.1.6', 'f2e2749aceadce6b27ca52e2b0a64af99797746a8681e1a2963f72007c14cb14',
     None, 'gsocketpool.pool'),
    ('mprpc', '0.1.17', '3589fd127482e291b1ec314d6f0e55cc13311c12932ace356d6178ea1ca28f6a',
     ['-2', 'mprpc/client.pyx', 'mprpc/server.pyx'], 'mprpc.client, mprpc.server'),
]
# msgpack's pack.h calls the private names that Python 3.11 made public.
RENAMED = ' '.join('-D_PyFloat_%s=PyFloat_%s' % (name, name) for name in ('Pack4', 'Pack8', 'Unpack4', 'Unpack8'))
# The optimisation is spelled out: the pinned setuptools gives C++ none of the flags that Python itself was built with.
CFLAGS = '-O3 -DNDEBUG -fwrapv -fpermissive -w' + (' ' + RENAMED if sys.version_info >= (3, 11) else '')

# Run in the new environment: the extensions must be the compiled ones.
VERIFY = '''
import importlib.metadata, json, platform, gevent, gsocketpool.pool, msgpack, mprpc.client, mprpc.server
assert msgpack.version == (0, 6, 2), msgpack.version
assert msgpack.Packer.__module__ == msgpack.Unpacker.__module__ == 'msgpack._cmsgpack', 'msgpack is pure Python'
for module in (mprpc.client, mprpc.server):
    assert module.__file__.endswith('.so'), module.__file__
found = {name: importlib.metadata.version(name) for name in ('mprpc', 'msgpack', 'gevent', 'gsocketpool')}
print(json.dumps(dict(found, python=platform.python_version())))
'''
VERIFY_MODERN = '''
import os, sys
sys.path.insert(0, os.path.join(sys.prefix, 'modern'))
import msgpack
assert msgpack.version == (1, 1, 1), msgpack.version
assert msgpack.Packer.__module__ == msgpack.Unpacker.__module__ == 'msgpack._cmsgpack', 'msgpack is pure Python'
'''


def step(text):
    print('step: ' + text, flush=True)


def missing(text):
    print('missing: ' + text, flush=True)
    sys.exit(3)


def probe():
    """Everything outside this text that decides whether an environment can be used again."""
    return {'version': sys.version.split()[0], 'abi': sysconfig.get_config_var('SOABI'), 'prefix': sys.base_prefix}


def check_system():
    version = '%d.%d' % sys.version_info[:2]
    if sys.implementation.name != 'cpython' or not OLDEST <= sys.version_info[:2] <= NEWEST:
        missing('python3 is %s %s; put CPython 3.8 to 3.12 first in PATH' % (sys.implementation.name, version))
    packages = []
    if not all(importlib.util.find_spec(name) for name in ('venv', 'ensurepip')):
        packages.append('python3-venv')
    if not os.path.exists(os.path.join(sysconfig.get_path('include'), 'Python.h')):
        packages.append('python3-dev')
    for variable, package in (('CC', 'gcc'), ('CXX', 'g++')):
        command = os.environ.get(variable) or sysconfig.get_config_var(variable) or package
        if not shutil.which(command.split()[0]):
            packages.append(package)
    if packages:
        missing('python %s lacks %s; on Debian: apt-get install %s' % (
            version, ', '.join(packages), ' '.join(packages)))


def run(*command, **options):
    """Runs a command with its output on our stderr, so that stdout keeps to steps."""
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=sys.stderr, **options)


def unpack(archive, digest, target):
    with open(archive, 'rb') as f:
        found = hashlib.sha256(f.read()).hexdigest()
    if found != digest:
        raise SystemExit('%s has SHA-256 %s, want %s' % (os.path.basename(archive), found, digest))
    with tarfile.open(archive) as tar:
        tar.extractall(target)


def build(target):
    check_system()
    # Settings of the caller's Python would leak into the environment; those of pip (mirrors, proxies) must stay.
    for name in ('PYTHONPATH', 'PYTHONHOME', 'PIP_USER', 'PIP_TARGET', 'PIP_PREFIX'):
        os.environ.pop(name, None)
    for name in ('CFLAGS', 'CXXFLAGS'):  # msgpack is C++, and the pinned setuptools keeps the two apart
        os.environ[name] = (os.environ.get(name, '') + ' ' + CFLAGS).strip()
    work = os.path.join(target, 'build')
    os.makedirs(work)
    python = os.path.join(target, 'bin', 'python')
    pip = (python, '-I', '-m', 'pip', '--disable-pip-version-check', '--no-input')

    step('creating a virtual environment for Python ' + sys.version.split()[0])
    run(sys.executable, '-I', '-m', 'venv', target)
    step('installing ' + ', '.join(TOOLS + LIBRARIES))
    run(*pip, 'install', '-q', '--no-deps', *(TOOLS + LIBRARIES))
    for name, version, digest, cython, modules in SOURCES:
        pinned = '%s==%s' % (name, version)
        step('fetching ' + pinned)
        run(*pip, 'download', '-q', '--no-deps', '--no-build-isolation', '--no-binary', name, '-d', work, pinned)
        unpack(os.path.join(work, '%s-%s.tar.gz' % (name, version)), digest, work)
        source = os.path.join(work, '%s-%s' % (name, version))
        if cython:
            step('compiling ' + pinned)
            run(python, '-I', '-m', 'cython', *cython, cwd=source)
        # msgpack's set-up succeeds even if its compiler does not: -v keeps the reason, the import finds it out.
        run(*pip, 'install', '-v', '--no-deps', '--no-build-isolation', source)
        run(python, '-I', '-c', 'import ' + modules)
    step('installing ' + MODERN)
    run(*pip, 'install', '-q', '--no-deps', '--target', os.path.join(target, 'modern'), MODERN)
    step('checking that the compiled extensions are in use')
    run(python, '-I', '-c', VERIFY_MODERN)
    found = subprocess.run((python, '-I', '-c', VERIFY), check=True, stdout=subprocess.PIPE).stdout.decode().strip()
    shutil.rmtree(work)
    print('done: ' + found, flush=True)


if sys.argv[1] == 'probe':
    print(json.dumps(probe(), sort_keys=True))
else:
    build(sys.argv[2])
