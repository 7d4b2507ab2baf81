"""Draws the card's figures from the counted numbers: age, scanners, SUV and volume by organ, and the gate. matplotlib.

Equal numbers give equal bytes with one version of matplotlib: no date and no software stand in a picture.
"""

import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from umd_curate.release.summary import AGE_CLASS_YEARS, FIGURES, Summary
from umd_curate.store.files import write_bytes
from umd_curate.store.lazy import Lazy

figure = Lazy("matplotlib.figure")
matplotlib = Lazy("matplotlib")

_INK, _BAR, _SECOND, _REST = "#1f2933", "#2b6cb0", "#d97706", "#9aa5b1"
_SEX_COLOURS = {"F": _SECOND, "M": _BAR}
_WIDTH_IN, _ROW_IN, _LEAST_IN, _DPI = 7.0, 0.28, 2.2, 110
_STYLE = {
    "font.family": "DejaVu Sans", "font.size": 9, "axes.spines.top": False, "axes.spines.right": False,
    "axes.edgecolor": _INK, "text.color": _INK, "axes.labelcolor": _INK, "xtick.color": _INK, "ytick.color": _INK,
}  # fmt: skip


def write_figures(folder: Path, summary: Summary) -> list[str]:
    """Draw what there are numbers for; return the written paths, relative to the release folder."""
    drawers: dict[str, Callable[[Any], bool]] = {
        "age": lambda axes: _age(axes, summary),
        "scanners": lambda axes: _bars(axes, summary.scanners, "sessions"),
        "suv": lambda axes: _boxes(axes, summary.organ_suv, "mean SUVbw [g/mL]"),
        "volumes": lambda axes: _boxes(axes, summary.organ_ml, "volume [mL], logarithmic", logarithmic=True),
        "gate": lambda axes: _gate(axes, summary),
    }
    written = []
    with matplotlib.rc_context(_STYLE):
        for name in FIGURES:
            with _axes(_height_of(name, summary)) as (drawing, axes):
                if not drawers[name](axes):
                    continue
                target = io.BytesIO()
                drawing.savefig(target, format="png", dpi=_DPI, metadata={"Software": None})
            write_bytes(folder / "figures" / f"{name}.png", target.getvalue())
            written.append(f"figures/{name}.png")
    return written


@contextmanager
def _axes(height_in: float) -> Iterator[tuple[Any, Any]]:
    drawing = figure.Figure(figsize=(_WIDTH_IN, height_in), layout="constrained")
    yield drawing, drawing.add_subplot()


def _height_of(name: str, summary: Summary) -> float:
    rows = {
        "scanners": len(summary.scanners),
        "suv": len(summary.organ_suv),
        "volumes": len(summary.organ_ml),
        "gate": 1 + len(summary.held_sessions),
    }
    return max(_LEAST_IN, 1.0 + _ROW_IN * rows.get(name, 0))


def _age(axes: Any, summary: Summary) -> bool:  # noqa: ANN401  (matplotlib is untyped)
    if not summary.ages:
        return False
    sexes = sorted({sex for _, sex in summary.ages})
    last = max(age for age, _ in summary.ages)
    edges = list(range(0, last // AGE_CLASS_YEARS * AGE_CLASS_YEARS + 2 * AGE_CLASS_YEARS, AGE_CLASS_YEARS))
    columns = [[age for age, found in summary.ages if found == sex] for sex in sexes]
    colours = [_SEX_COLOURS.get(sex, _REST) for sex in sexes]
    axes.hist(columns, bins=edges, stacked=True, color=colours, label=sexes, rwidth=0.9)
    axes.set_xlabel("age at the scan [years]")
    axes.set_ylabel("subjects")
    axes.yaxis.get_major_locator().set_params(integer=True)
    axes.legend(frameon=False)
    return True


def _bars(axes: Any, counts: Sequence[tuple[str, int]], label: str, others: str = _BAR) -> bool:  # noqa: ANN401
    if not counts:
        return False
    names = [name for name, _ in reversed(counts)]
    values = [count for _, count in reversed(counts)]
    colours = [others] * (len(counts) - 1) + [_BAR]
    bars = axes.barh(names, values, color=colours)
    axes.bar_label(bars, fmt="{:,.0f}", padding=3)
    axes.set_xlabel(label)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.margins(x=0.1)
    return True


def _boxes(
    axes: Any,  # noqa: ANN401
    values: Sequence[tuple[str, tuple[float, ...]]],
    label: str,
    *,
    logarithmic: bool = False,
) -> bool:
    if not values:
        return False
    names = [f"{name} ({len(found)})" for name, found in reversed(values)]
    drawn = axes.boxplot(
        [found for _, found in reversed(values)],
        orientation="horizontal",
        tick_labels=names,
        patch_artist=True,
        widths=0.6,
    )
    for box in drawn["boxes"]:
        box.set(facecolor=_BAR, alpha=0.45)
    for line in drawn["medians"]:
        line.set(color=_SECOND, linewidth=2)
    if logarithmic:
        axes.set_xscale("log")
    axes.set_xlabel(label)
    return True


def _gate(axes: Any, summary: Summary) -> bool:  # noqa: ANN401
    counts = [("released", summary.sessions), *((f"held back, {code}", count) for code, count in summary.held_sessions)]
    return _bars(axes, counts, "sessions", _SECOND)
