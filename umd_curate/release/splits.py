"""Decides each subject's split: all sessions of a subject fall into one, whatever their kind.

Subjects stand in the order of their stratum (subset, scanner, sex, age band) and, within it, of a hash of seed and id, so
that neither input order nor the ids' alphabet decides. One after another goes to the split that is furthest behind its
share: each stretch of the order, and so each stratum, is shared out as the whole is (systematic sampling from a sorted
list). The sizes follow the shares by largest remainder, and a tie goes to a split that would stay empty. Who had a split in an
earlier version keeps it: a model that was trained on one version must not be tested on its training subjects in the next.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping

_DIGITS = 9  # remainders that agree to this many digits are tied: binary fractions of shares such as 0.7 are not exact


def split_sizes(n_subjects: int, shares: Mapping[str, float]) -> dict[str, int]:
    """Subjects per split by largest remainder, in the order of `shares`; the sizes sum to `n_subjects`.

    Parameters
    ----------
    n_subjects
        Number of subjects, not negative.
    shares
        Share of the subjects per split; sums to 1.

    Examples
    --------
    >>> split_sizes(2, {"train": 0.7, "validation": 0.1, "test": 0.2})
    {'train': 1, 'validation': 0, 'test': 1}
    """
    quotas = {name: round(n_subjects * share, _DIGITS) for name, share in shares.items()}
    sizes = {name: int(quota) for name, quota in quotas.items()}
    order = sorted(
        (name for name, share in shares.items() if share > 0),
        key=lambda name: (-round(quotas[name] - sizes[name], _DIGITS), sizes[name] > 0, -shares[name]),
    )
    for name in order[: n_subjects - sum(sizes.values())]:
        sizes[name] += 1
    return sizes


def assign_splits(
    subjects: Mapping[str, str] | Iterable[str],
    shares: Mapping[str, float],
    seed: str,
    kept: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Split of every subject, by subject.

    Parameters
    ----------
    subjects
        Published subject ids with the stratum of each; without strata, all are of one. Repeated ids count once.
    shares
        Share of the subjects per split; sums to 1.
    seed
        Another seed gives another, equally good assignment.
    kept
        Splits of earlier versions, by subject; they stay. The other subjects fill what the shares leave.
    """
    strata = dict(subjects) if isinstance(subjects, Mapping) else dict.fromkeys(subjects, "")
    splits = {subject: split for subject, split in (kept or {}).items() if subject in strata and split in shares}
    ordered = sorted(strata, key=lambda subject: (strata[subject], _rank(seed, subject), subject))
    sizes = split_sizes(len(strata), shares)
    rooms = _rooms(sizes, splits.values(), len(strata) - len(splits))
    counts: Counter[str] = Counter()
    for place, subject in enumerate(ordered, 1):
        if subject not in splits:
            split = max(
                (name for name in sizes if rooms[name]),
                key=lambda name: round(place * sizes[name] / len(strata) - counts[name], _DIGITS),
            )
            rooms[split] -= 1
            splits[subject] = split
        counts[splits[subject]] += 1
    return dict(sorted(splits.items()))


def _rooms(sizes: Mapping[str, int], taken: Iterable[str], n_new: int) -> dict[str, int]:
    """How many of the new subjects each split takes; splits that are too full already take none."""
    counts = Counter(taken)
    rooms = {name: max(0, size - counts[name]) for name, size in sizes.items()}
    while sum(rooms.values()) > n_new:
        rooms[max(rooms, key=lambda name: rooms[name])] -= 1
    return rooms


def _rank(seed: str, subject: str) -> bytes:
    return hashlib.sha256(f"{seed}\0{subject}".encode()).digest()
