"""What was done to the headers of a volume, kept on the private side until the report of de-identification counts it."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping

from umd_curate.model.receipts import Artifact, Receipt
from umd_curate.model.steps import Place
from umd_curate.store.files import artifact, write_text

DEEDS = "deid-actions"  # role of the private file of one volume's counts


def keep_deeds(name: str, place: Place, done: Mapping[tuple[str, str], int], files: int) -> Artifact:
    """Write how often each action befell a tag or class of elements in the `files` headers of one volume."""
    relative = f"private/deid/{name}.json"
    rows = [[what, action, count] for (what, action), count in sorted(done.items())]
    write_text(place.resolve(relative), json.dumps({"files": files, "actions": rows}), mode=0o600)
    return artifact(DEEDS, relative, place.resolve(relative))


def deeds_of(entries: Iterable[Artifact], place: Place) -> tuple[Counter[tuple[str, str]], int]:
    """Sum of the counts of several volumes, and the number of their files."""
    done: Counter[tuple[str, str]] = Counter()
    files = 0
    for entry in entries:
        found = json.loads(place.resolve(entry.path).read_text(encoding="utf-8"))
        files += found["files"]
        for what, action, count in found["actions"]:
            done[what, action] += count
    return done, files


def deeds_in(receipts: Iterable[Receipt]) -> list[Artifact]:
    """The files of counts that units have written."""
    return [entry for receipt in receipts for entry in receipt.outputs if entry.what == DEEDS]
