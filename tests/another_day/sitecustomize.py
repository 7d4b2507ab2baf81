"""Moves every clock that Python code can read by some months; a child process finds this file on its PYTHONPATH.

Backwards, since a certificate of the workers that begins tomorrow is none for OpenSSL, which reads the true clock. Readings
of C code are not moved: the file times of the system, and the ledger's own (`strftime` of SQLite), which is private.
"""

import ctypes
import datetime as dt
import gc
import os
import time
from collections.abc import Callable

DAYS = int(os.environ.get("ANOTHER_DAY", "0"))
SECONDS = DAYS * 86_400 + 12_345  # another hour too


def replace(kind: type, name: str, value: object) -> None:
    """Replace a method of a class that is written in C; a class derived from it would not be one for C code."""
    (methods,) = gc.get_referents(kind.__dict__)
    methods[name] = value
    ctypes.pythonapi.PyType_Modified(ctypes.py_object(kind))


def moved(read: Callable[..., dt.datetime]) -> object:
    """A reading of `datetime` on another day."""
    return classmethod(lambda _, tz=None: (read(tz) if tz else read()) + dt.timedelta(seconds=SECONDS))


if DAYS:
    _time, _time_ns, _gmtime, _localtime, _strftime = (
        time.time,
        time.time_ns,
        time.gmtime,
        time.localtime,
        time.strftime,
    )
    time.time = lambda: _time() + SECONDS
    time.time_ns = lambda: _time_ns() + SECONDS * 10**9
    time.gmtime = lambda seconds=None: _gmtime(time.time() if seconds is None else seconds)
    time.localtime = lambda seconds=None: _localtime(time.time() if seconds is None else seconds)
    time.strftime = lambda form, when=None: _strftime(form, time.localtime() if when is None else when)
    replace(dt.datetime, "now", moved(dt.datetime.now))
    replace(dt.datetime, "utcnow", moved(dt.datetime.utcnow))
