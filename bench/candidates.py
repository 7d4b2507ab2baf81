"""Who has our source and a list of patients, but no key: ``python -m bench.candidates [COUNT]``.

For each of COUNT candidate PatientIDs (10^6 by default), of which a thousand are true ones, every usual unkeyed form of an id,
a UID and a date shift is made (md5, sha1, sha256, uuid5, pydicom's entropy, dates as RSNA's md5 mod 3652), and our own
code's with keys that a guesser would try. Counted are candidates whose own published value is met.
"""

import base64
import hashlib
import sys
import tempfile
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from umd_curate.deid.vault import Vault
from umd_curate.model.ids import SUBJECT_ALPHABET, SUBJECT_LENGTH, PatientKey
from umd_curate.store.keys import MAX_SHIFT_DAYS, MIN_SHIFT_DAYS, DeidKey

TRUE_PATIENTS = 1000
DIGESTS: tuple[Callable[[bytes], bytes], ...] = tuple(
    lambda data, name=name: hashlib.new(name, data, usedforsecurity=False).digest()  # type: ignore[misc]
    for name in ("md5", "sha1", "sha256", "sha512")
)
NAMESPACES = (uuid.NAMESPACE_OID, uuid.NAMESPACE_DNS, uuid.NAMESPACE_URL)
GUESSED_KEYS = (DeidKey(b""), DeidKey(bytes(32)), DeidKey(b"umd-curate"))
SPANS = (MAX_SHIFT_DAYS - MIN_SHIFT_DAYS + 1, 3652, 3650, 365)


def numbers_of(candidate: str) -> Iterator[int]:
    """128-bit numbers that a candidate hashes to without a key."""
    data = candidate.encode()
    yield from (int.from_bytes(digest(data)[:16], "big") for digest in DIGESTS)
    yield from (uuid.uuid5(namespace, candidate).int for namespace in NAMESPACES)


def guesses(candidate: str) -> tuple[set[str], set[str], set[int]]:
    """Subject ids, UIDs and shifts in days that a guesser would try for a candidate."""
    ids, uids, shifts = set(), set(), set()
    for number in numbers_of(candidate):
        letters = base64.b32encode(number.to_bytes(16, "big")).decode()
        ids |= {letters[:SUBJECT_LENGTH], _crockford(number), _crockford(number >> 98), f"{number:032x}"[:6].upper()}
        uids.add(f"2.25.{number}")
        shifts |= {-(number % SPANS[1])} | {-MIN_SHIFT_DAYS - number % span for span in SPANS}
    for key in GUESSED_KEYS:
        ids.add(key.letters("subject", candidate, SUBJECT_LENGTH))
        uids.add(key.uid(candidate))
        shifts.add(key.shift_days(PatientKey(candidate)))
    return ids, uids, shifts


def _crockford(number: int) -> str:
    return "".join(SUBJECT_ALPHABET[number >> 5 * place & 31] for place in range(SUBJECT_LENGTH - 1, -1, -1))


def matches(candidates: Iterable[str], true: Iterable[str], vault: Vault, key: DeidKey) -> Counter[str]:
    """Candidates whose own id, UID or shift is guessed; for shifts also how many chance alone would give."""
    published = {patient: vault.subject_of(PatientKey(patient)) for patient in true}
    found: Counter[str] = Counter({"id": 0, "uid": 0, "shift": 0})
    chance = 0.0
    for candidate in candidates:
        ids, uids, shifts = guesses(candidate)
        found["id"] += published.get(candidate, "") in ids
        found["uid"] += key.uid(candidate) in uids
        if candidate in published:
            found["shift"] += key.shift_days(PatientKey(candidate)) in shifts
            chance += sum(-MAX_SHIFT_DAYS <= days <= -MIN_SHIFT_DAYS for days in shifts) / SPANS[0]
    found["shift by chance"] = round(chance)
    return found


def main() -> None:
    """Measure and print."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10**6
    candidates = (f"{n:08d}" for n in range(count))
    true = [f"{n:08d}" for n in range(0, count, max(count // TRUE_PATIENTS, 1))]
    key = DeidKey(hashlib.sha256(b"a secret that no guesser has").digest())
    with tempfile.TemporaryDirectory() as folder, Vault(Path(folder) / "vault.sqlite", key) as vault:
        print(count, "candidates,", len(true), "true patients:", dict(matches(candidates, true, vault, key)))


if __name__ == "__main__":
    main()
