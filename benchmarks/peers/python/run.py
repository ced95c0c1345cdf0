"""Runs one program of a peer: run.py EXTRAS serve MODULE, or run.py EXTRAS drive MODULE JOB.

EXTRAS is the directory that setup.py made, "" for none. MODULE is a file beside this one.
"""
import importlib
import json
import sys

extras, role, module = sys.argv[1:4]
if extras:
    sys.path.append(extras)  # at the end: what the environment itself has comes first
side = importlib.import_module(module)
if role == 'serve':
    side.serve()
else:
    side.drive(json.loads(sys.argv[4]))
