"""Decides what a find of burned-in text is, and what a person's decision about it does; pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from umd_curate.model.config_burned_in import BurnedInDecision
from umd_curate.model.receipts import Json
from umd_curate.model.sidecars import BurnedInReceipt

Box = tuple[int, int, int, int]  # first row, one after the last, first column, one after the last


@dataclass(frozen=True, slots=True)
class Find:
    """A place of an image in which slices show text: `n_slices` of those from `first_k` to `last_k`."""

    box: Box
    first_k: int
    last_k: int
    n_slices: int


def gathered(rows: Iterable[tuple[int, Box]]) -> list[Find]:
    """Rows of text by slice, joined to the places that they share, the most frequent first."""
    places: list[tuple[Box, set[int]]] = []
    for k, box in rows:
        for n, (known, slices) in enumerate(places):
            if _overlap(known, box):
                places[n] = (_hull(known, box), slices | {k})
                break
        else:
            places.append((box, {k}))
    finds = [Find(box, min(slices), max(slices), len(slices)) for box, slices in places]
    return sorted(finds, key=lambda find: (-find.n_slices, find.first_k, find.box))


def _overlap(one: Box, other: Box) -> bool:
    return one[0] < other[1] and other[0] < one[1] and one[2] < other[3] and other[2] < one[3]


def _hull(one: Box, other: Box) -> Box:
    return min(one[0], other[0]), max(one[1], other[1]), min(one[2], other[2]), max(one[3], other[3])


@dataclass(frozen=True, slots=True)
class Decided:
    """What a person decided about the text of one image.

    Parameters
    ----------
    verdict
        ``clean``, ``redact`` or ``exclude``.
    reason
        Why.
    region
        Rows and columns that are cleared.
    slices
        First slice that is cleared and one after the last; None means all.
    """

    verdict: str
    reason: str
    region: Box | None
    slices: tuple[int, int] | None

    def box(self, shape_kji: tuple[int, int, int]) -> tuple[slice, slice, slice]:
        """Voxels [k, j, i] of the region, as far as the image has them."""
        top, bottom, left, right = self.region or (0, 0, 0, 0)
        first, last = self.slices or (0, shape_kji[0])
        nk, nj, ni = shape_kji
        return slice(first, min(last, nk)), slice(top, min(bottom, nj)), slice(left, min(right, ni))

    def receipt(self, voxels_cleared: int) -> BurnedInReceipt:
        """What the sidecar says."""
        return BurnedInReceipt.model_validate(
            {"verdict": self.verdict, "voxels_cleared": voxels_cleared if self.region else 0, "reason": self.reason}
        )


def decision_of(decisions: Json, role: str) -> Decided | None:
    """The decision about an image, of the decisions by role that a unit carries."""
    found = decisions.get(role) if isinstance(decisions, dict) else None
    return decided_of(found)


def decided_of(found: Json) -> Decided | None:
    """A decision as a unit carries it."""
    if not isinstance(found, dict):
        return None
    entry = BurnedInDecision.model_validate(found)
    return Decided(entry.verdict, entry.reason, entry.region, entry.slices)
