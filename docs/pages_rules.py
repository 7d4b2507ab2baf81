"""Reference page of the automatic checks, from the table of rules and the rows of the organs' numbers."""

import tomllib

from pages_declared import comments_of
from pages_markdown import prose, table

from umd_curate.model.quantities import OrganQuantityRow
from umd_curate.model.tables import columns_of
from umd_curate.qa.rulebook import Limits, OrganNorms, Reach, Rulebook
from umd_curate.qa.words import interval
from umd_curate.store.resources import resource_folder


def rules_page() -> str:
    """Rules, norms, variants and numbers of the qa room."""
    book = Rulebook.parse(tomllib.loads((resource_folder("manifests") / "qa_rules.toml").read_text(encoding="utf-8")))
    rules = [
        (rule.id, f"[{rule.code}](findings.md#{rule.code.lower()})", rule.what, rule.why, rule.severity,
         _limits(rule.warn, rule.unit), _limits(rule.fail, rule.unit), rule.source)
        for rule in book.rules.values()
    ]  # fmt: skip
    norms = [(f"`{name}`", *_norms(entry)) for name, entry in book.organs.items()]
    reaches = [(f"`{reach.organ}`", _reach(reach)) for reach in book.reaches]
    gaps = [
        (f"`{pair.organs[0]}`, `{pair.organs[1]}`", interval(pair.apart_mm, pair.within_mm, "mm"))
        for pair in book.neighbours
    ]
    uptakes = [
        (", ".join(norm.tracers), f"`{norm.organ}`" + (f" over `{norm.over}`" if norm.over else ""),
         interval(norm.limits.low, norm.limits.high, "" if norm.over else "g/mL"), norm.source)
        for norm in book.uptakes
    ]  # fmt: skip
    variants = [
        (f"`{one.name}`", ", ".join(one.organs) or "all", ", ".join(one.rules), one.why)
        for one in book.variants.values()
    ]
    remarks = comments_of(OrganQuantityRow)
    columns = [
        (f"`{c.name}`", c.type + (", may be null" if c.nullable else ""), remarks.get(c.name, ""))
        for c in columns_of(OrganQuantityRow)
    ]
    return "\n\n".join(
        [
            "# Rules of the checks",
            (
                f"Version {book.version} of `manifests/qa_rules.toml`: data, not code. Limits marked as starting values come from general "
                "knowledge and wait for real cohorts. A value outside the first interval warns, outside the second fails. See "
                "[how the checks work](../explanation/checks.md)."
            ),
            table(("rule", "code", "what", "why", "heaviest", "warns outside", "fails outside", "source"), rules),
            "## Norms of organs",
            table(("organ", "median HU", "HU of its tissue", "mL", "tapers"), norms),
            "## When an organ must be there",
            table(("organ", "when"), reaches),
            "## Gaps between organs",
            table(("organs", "gap"), gaps),
            "## Uptake",
            table(("tracer", "mean SUV of", "range", "source"), uptakes),
            "## Variants that a reviewer can confirm",
            "See [how to confirm one](../how-to/confirm-anatomy.md).",
            table(("variant", "organs", "rules that pass", "why"), variants),
            "## qa/organs.parquet",
            prose(OrganQuantityRow.__doc__ or ""),
            table(("column", "type", "meaning"), columns),
        ]
    ) + "\n"  # fmt: skip


def _limits(limits: Limits, unit: str) -> str:
    return interval(limits.low, limits.high, unit)


def _norms(norms: OrganNorms) -> tuple[str, ...]:
    ranges = (norms.median_hu, norms.tissue_hu, norms.volume_ml)
    median, tissue, volume = (interval(*entry) if entry else "" for entry in ranges)
    return median, tissue, volume, "yes" if norms.tapers else ""


def _reach(reach: Reach) -> str:
    if reach.within:
        return f"{', '.join(reach.within)} complete; it warns where {reach.reach_mm:g} mm of a cut-off one are seen"
    side = "above" if reach.direction == "up" else "below"
    return f"the image reaches {reach.reach_mm:g} mm {side} the {reach.beyond.replace('_', ' ')}"
