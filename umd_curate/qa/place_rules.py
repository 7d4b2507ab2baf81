"""Rules about where organs lie to each other: sides, order, gaps. Pure; limits stand in the rulebook."""

from collections.abc import Iterator

from umd_curate.model.checks import CheckEntry
from umd_curate.qa.measures import LabelMeasure
from umd_curate.qa.rulebook import Rulebook


def place_rules(labels: LabelMeasure, book: Rulebook) -> Iterator[CheckEntry]:
    """P5, P6: sides along x and order along z of the centres of mass, in patient coordinates (RAS+)."""
    pairs = [("P5", pair.right, pair.left, 0, f"{pair.right} to the right of {pair.left}") for pair in book.sides]
    pairs += [("P6", pair.upper, pair.lower, 2, f"{pair.upper} above {pair.lower}") for pair in book.orders]
    for rule, further, nearer, axis, name in pairs:
        a, b = labels.organ(further), labels.organ(nearer)
        if a is None or b is None:
            yield book.skip(rule, "an organ of the pair is absent", organ=name)
        else:
            yield book.judge(rule, a.centroid_ras_mm[axis] - b.centroid_ras_mm[axis], organ=name)


def gap_rules(labels: LabelMeasure, book: Rulebook) -> Iterator[CheckEntry]:
    """P13: gaps between the surfaces of two organs; an upper limit asks that both are complete."""
    for pair in book.neighbours:
        first, second = (labels.organ(name) for name in pair.organs)
        name = " and ".join(pair.organs)
        gap = labels.gaps_mm.get(pair.organs)
        if first is None or second is None or gap is None:
            yield book.skip("P13", "an organ of the pair is absent", organ=name)
        elif pair.within_mm is not None and not (first.is_complete and second.is_complete):
            yield book.skip("P13", "cut off by the edge of the image", organ=name)
        else:
            yield book.judge("P13", gap, organ=name, warn=pair.limits)
