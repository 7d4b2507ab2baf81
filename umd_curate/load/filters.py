"""Decides which rows a filter keeps: tuples of column, comparison and value, as pyarrow and `datasets` take them.

A list of tuples must hold as a whole; of a list of lists, one must. A missing value meets no comparison.
"""

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from umd_curate.errors import UsageError

Condition = tuple[str, str, Any]
Filters = Sequence[Condition] | Sequence[Sequence[Condition]]

_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "in": lambda value, among: value in among,
    "not in": lambda value, among: value not in among,
    "contains": lambda value, part: part in value,
}


def alternatives(filters: Filters | None) -> list[list[Condition]]:
    """The filter as alternatives, each a list of conditions; an empty list keeps all rows.

    Raises
    ------
    UsageError
        It is no filter, or a comparison is unknown.
    """
    if not filters:
        return []
    listed: list[list[Any]] = [list(filters)] if isinstance(filters[0], tuple) else [list(entry) for entry in filters]
    for condition in (condition for entry in listed for condition in entry):
        if len(condition) != 3 or condition[1] not in _COMPARISONS:
            message = "A filter is a list of (column, comparison, value)."
            raise UsageError(message, hint=f"Comparisons: {', '.join(_COMPARISONS)}.")
    return listed


def columns_of(conditions: Sequence[Sequence[Condition]]) -> set[str]:
    """Columns that a filter looks at."""
    return {column for entry in conditions for column, _, _ in entry}


def keeps(conditions: Sequence[Sequence[Condition]], row: Mapping[str, Any]) -> bool:
    """Say whether a row passes."""
    return not conditions or any(all(_holds(condition, row) for condition in entry) for entry in conditions)


def may_keep(conditions: Sequence[Sequence[Condition]], known: Mapping[str, Any]) -> bool:
    """Say whether a row of which only some columns are known may pass."""
    return not conditions or any(
        all(_holds(condition, known) for condition in entry if condition[0] in known) for entry in conditions
    )


def _holds(condition: Condition, row: Mapping[str, Any]) -> bool:
    column, comparison, wanted = condition
    value = row.get(column)
    return value is not None and bool(_COMPARISONS[comparison](value, wanted))
