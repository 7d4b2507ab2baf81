"""Units of work that behave, and that do not: what worker processes must survive. Importable by any process."""

import ctypes
import os
import signal
import time

import numpy as np

from umd_curate.errors import GateRefused
from umd_curate.model.catalogue import run as codes
from umd_curate.model.findings import Refused
from umd_curate.model.receipts import Artifact
from umd_curate.model.steps import Unit
from umd_curate.pipeline.executor import Task
from umd_curate.store.files import artifact, write_text

MIB = 1 << 20


def task(name, does="write", size=0, **params):
    """A task that reads so many bytes and does what is named."""
    inputs = (Artifact("image", f"data/{name}", "", size),)
    return Task(perform, Unit("trial", name, inputs=inputs, params={"does": does, **params}), f"key-{name}")


def perform(unit, place, config):
    """Write a file; or do first what the unit says."""
    folder = place.private / "trial"
    folder.mkdir(exist_ok=True)
    with (folder / "tries").open("a") as handle:
        handle.write(f"{unit.name}\n")
    measured = BEHAVIOUR[unit.params["does"]](unit, place) or {}
    path = folder / f"{unit.name}.txt"
    write_text(path, unit.name)
    return unit.receipt(outputs=[artifact("text", f"private/trial/{path.name}", path)], measured=measured)


def _refuse(unit, place):
    raise Refused(codes.CHANGED.at(unit.name))


def _stumble(unit, place):
    message = "nobody foresaw this"
    raise RuntimeError(message)


def _close_the_gate(unit, place):
    message = "The gate is closed."
    raise GateRefused(message, hint="Open it.")


def _take_memory(unit, place):
    """Hold so many MiB for long enough to be seen."""
    held = np.ones(unit.params["mib"] * MIB // 8)
    time.sleep(1)
    return {"held_mib": held.nbytes // MIB}


def _die_once(unit, place):
    mark = place.private / "trial" / f"{unit.name}.died"
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)


def _hold_everything(unit, place):
    """Sleep in native code that never lets another thread of the process run."""
    (place.private / "trial" / f"{unit.name}.pid").write_text(str(os.getpid()))
    ctypes.PyDLL(None).sleep(60)


BEHAVIOUR = {
    "write": lambda unit, place: None,
    "wait": lambda unit, place: time.sleep(unit.params["seconds"]),
    "refuse": _refuse,
    "stumble": _stumble,
    "close the gate": _close_the_gate,
    "be killed": lambda unit, place: os.kill(os.getpid(), signal.SIGKILL),
    "crash": lambda unit, place: ctypes.string_at(0),
    "take memory": _take_memory,
    "die once": _die_once,
    "hold everything": _hold_everything,
    "tell": lambda unit, place: (
        {name: os.environ.get(name, "") for name in unit.params["names"]} | {"pid": os.getpid()}
    ),
}


def doubled(number):
    if number == 13:
        message = "thirteen"
        raise ValueError(message)
    return 2 * number


def deadly(number):
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def pid_of(_):
    return os.getpid()
