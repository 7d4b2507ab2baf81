"""What a process of the command line loads, and what it does not: asked of fresh ones."""

import os
import subprocess
import sys

FRESH = "import os, sys; from umd_curate.startup import settle; settle()\n"


def told(code: str, **environment: str) -> list[str]:
    known = {name: value for name, value in os.environ.items() if not name.endswith("NUM_THREADS")}
    run = subprocess.run(
        [sys.executable, "-c", FRESH + code], capture_output=True, text=True, check=True, env=known | environment
    )
    return run.stdout.split()


def test_pydicom_is_read_without_the_libraries_that_fetch_its_examples():
    code = "import pydicom; print(*{'requests', 'urllib3', 'tqdm'} & set(sys.modules), pydicom.Dataset.__name__)"
    assert told(code) == ["Dataset"]


def test_what_stayed_out_is_there_for_all_others():
    assert told("import pydicom, requests, tqdm; print(requests.__name__, tqdm.__name__)") == ["requests", "tqdm"]
    assert told("import requests, pydicom; print(requests is sys.modules['requests'])") == ["True"]


DECODERS = """
from pydicom.pixels.decoders import base
for decoder in (value for value in vars(base).values() if isinstance(value, base.Decoder)):
    print(decoder.UID, *decoder.available_plugins, sep=":")
"""


def test_pixels_are_decoded_by_the_same_plugins_as_ever():
    plain = subprocess.run([sys.executable, "-c", DECODERS], capture_output=True, text=True, check=True)
    found = told(DECODERS)
    assert len(found) > 10
    assert found == plain.stdout.split()


def test_matrices_need_no_threads_of_their_own_unless_the_user_wants_them():
    count = "import numpy; print(len(os.listdir('/proc/self/task')), os.environ['OPENBLAS_NUM_THREADS'])"
    assert told(count) == ["1", "1"]
    assert told(count, OPENBLAS_NUM_THREADS="2")[1] == "2"


def test_no_plugin_sees_what_pydantic_validates():
    assert told("from pydantic.plugin._loader import get_plugins; print(len(list(get_plugins())))") == ["0"]
