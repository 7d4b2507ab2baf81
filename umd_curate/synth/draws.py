"""Seeded streams and UIDs: everything that looks random in a cohort is a function of the seed and a name."""

import hashlib

import numpy as np


def digest(seed: int, *names: object) -> bytes:
    """SHA-256 of the seed and a path of names."""
    text = "\x1f".join(["umd-synth", str(seed), *(str(name) for name in names)])
    return hashlib.sha256(text.encode()).digest()


def stream(seed: int, *names: object) -> np.random.Generator:
    """Random numbers of one purpose; streams of different names are independent of each other and of any order."""
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest(seed, *names)[:16], "big")))


def uid(seed: int, *names: object) -> str:
    """A UID below ``2.25.`` (PS3.5 B.2), the same for the same seed and names."""
    return f"2.25.{int.from_bytes(digest(seed, 'uid', *names)[:16], 'big')}"
