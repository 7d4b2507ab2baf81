"""Remembers what the rules made of an element while its bytes, and all that they are read by, stay the same.

The header of a slice differs from its neighbour's in a handful of elements. What an element becomes follows from its own
bytes and from its context: character set, sign and width of the pixels, private creators, and for some what the patient's
words are. Only the last outcome of each element is kept, so that memory does not grow with the series. The rules
themselves stand in `clean_io` and `gather_io`; an element that is not as it was is judged by them anew.
"""

from collections.abc import Callable
from typing import Generic, TypeVar

Outcome = TypeVar("Outcome")


class Memo(Generic[Outcome]):
    """The last outcome of each element of a series' headers."""

    def __init__(self) -> None:
        self._context: object = None
        self._kept: dict[int, tuple[object, Outcome]] = {}

    def begin(self, context: object) -> None:
        """Start a header; where the context is another than the last one's, all is forgotten."""
        if context != self._context:
            self._context = context
            self._kept.clear()

    def outcome(self, tag: int, raw: object, judge: Callable[[], Outcome]) -> Outcome:
        """The last outcome for an element whose `raw` is the last one, else what `judge` says.

        Parameters
        ----------
        tag
            The element, or a negative number for what follows from several.
        raw
            VR and bytes of the element; None where they are not known, so that nothing is remembered.
        judge
            The rule walk.
        """
        known = self._kept.get(tag)
        if raw is not None and known is not None and known[0] == raw:
            return known[1]
        found = judge()
        if raw is not None:
            self._kept[tag] = (raw, found)
        return found
