"""Rules about images: voxels, unit, SUV, overlap and geometry. Pure; limits stand in the rulebook."""

from collections.abc import Iterator

from umd_curate.model.checks import CheckEntry, Outcome
from umd_curate.qa.measures import Measures
from umd_curate.qa.rulebook import Limits, Rulebook


def pet_rules(measures: Measures, book: Rulebook) -> Iterator[CheckEntry]:
    """I1, I2, I3, I6: the PET's voxels, unit and mean."""
    pet, facts = measures.pet, measures.pet_facts
    if pet is None:
        yield from (book.skip(rule, "no PET image") for rule in ("I1", "I2", "I3", "I6"))
        return
    yield book.judge("I1", pet.not_finite)
    yield book.judge("I2", pet.negative)
    if facts is None:
        yield book.state("I3", Outcome.FAIL, "the PET has no sidecar")
    elif facts.is_suv:
        yield book.state("I3", Outcome.PASS, "SUVbw with its receipt")
    elif facts.units == "Bq/mL" and not facts.has_suv:
        yield book.state("I3", Outcome.WARN, "Bq/mL: SUV was refused")
    else:
        yield book.state("I3", Outcome.FAIL, "unit and SUV receipt contradict each other")
    if facts is None or not facts.is_suv:
        yield book.skip("I6", "PET is not in SUV")
    elif pet.body_mean is None:
        yield book.skip("I6", "no CT or MR on the PET grid")
    else:
        yield book.judge("I6", pet.body_mean)


def pair_rules(measures: Measures, book: Rulebook) -> Iterator[CheckEntry]:
    """I4, I5: overlap of the pair, geometry of each image."""
    if measures.overlap is None:
        yield book.skip("I4", "no pair, or its overlap was not measured")
    else:
        yield book.judge("I4", measures.overlap)
    if not measures.geometry:
        yield book.skip("I5", "no geometry receipt")
    for facts in measures.geometry:
        limits = Limits(high=facts.tolerance_mm)
        yield book.judge("I5", facts.max_corner_error_mm, organ=facts.role, fail=limits)
