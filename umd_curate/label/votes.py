"""Joins the label maps of several engines: the label that most of them gave, and where they disagree. Pure."""

from collections.abc import Iterable, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.uint8]


def majority(maps: Sequence[Labels]) -> tuple[Labels, Labels]:
    """Label map of the majority, and the number of engines that gave another label, both uint8 [k, j, i].

    Where several labels have most votes, background among them, the one of the earliest engine wins: engines are named in
    the order in which they are trusted.

    Parameters
    ----------
    maps
        At least two label maps on one grid, ids of the dataset.
    """
    winner = np.zeros_like(maps[0])
    most = np.zeros(maps[0].shape, np.uint8)
    for place, own in enumerate(maps):
        votes = np.ones(own.shape, np.uint8)
        for other in (*maps[:place], *maps[place + 1 :]):
            votes += other == own
        ahead = votes > most
        winner[ahead] = own[ahead]
        most[ahead] = votes[ahead]
    return winner, (len(maps) - most).astype(np.uint8)


def least_dice(maps: Sequence[Labels], ids: Iterable[int]) -> dict[int, float]:
    """Least Dice of any two engines for each id that one of them gave; 0 where another did not give it."""
    counts = [np.bincount(own.ravel(), minlength=256) for own in maps]
    found: dict[int, float] = {}
    shared = {
        pair: np.bincount(maps[pair[0]][maps[pair[0]] == maps[pair[1]]].ravel(), minlength=256)
        for pair in combinations(range(len(maps)), 2)
    }
    for number in ids:
        scores = []
        for (a, b), both in shared.items():
            total = int(counts[a][number] + counts[b][number])
            if total:
                scores.append(2 * int(both[number]) / total)
        if scores:
            found[number] = min(scores)
    return found
