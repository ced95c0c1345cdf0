"""Installs what msgpack-rpc-python and ZeroRPC need beyond the environment of interop/python, which runs this.

They go to a directory of their own in that environment and are not in its sys.path, so nothing else sees them; msgpack
in C and gevent are the environment's. Prints READY, a "step: ..." line per step, and last "done: DIRECTORY" or
"failed: REASON". Two processes may run it at once: one installs, the other waits.
"""
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys

# tornado 4.5.3 is the last one that msgpack-rpc-python 0.4.1 takes (below 5).
PACKAGES = ['tornado==4.5.3', 'msgpack-rpc-python==0.4.1', 'zerorpc==0.6.3', 'pyzmq==27.1.0', 'future==1.0.0']
CHECK = 'import sys; sys.path.append(sys.argv[1]); import msgpackrpc, zerorpc'


def install(target):
    shutil.rmtree(target, ignore_errors=True)
    for package in PACKAGES:
        print('step: installing ' + package, flush=True)
        subprocess.run([sys.executable, '-I', '-m', 'pip', '--disable-pip-version-check', '--no-input', 'install', '-q',
                        '--no-deps', '--no-build-isolation', '--target', target, '--upgrade', package],
                       check=True, stdin=subprocess.DEVNULL, stdout=sys.stderr)
    print('step: checking that they can be imported', flush=True)
    subprocess.run([sys.executable, '-I', '-W', 'ignore', '-c', CHECK, target], check=True, stdout=sys.stderr)


print('READY', flush=True)
target = os.path.join(sys.prefix, 'benchmarks-' + hashlib.sha256(repr(PACKAGES).encode()).hexdigest()[:16])
complete = os.path.join(target, 'complete')
with open(target + '.lock', 'w') as lock:
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        if not os.path.exists(complete):
            install(target)
            open(complete, 'w').close()
        print('done: ' + target, flush=True)
    except subprocess.CalledProcessError as e:
        print('failed: %s' % e, flush=True)
