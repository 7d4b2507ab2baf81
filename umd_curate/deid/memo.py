"""Remembers what the rules made of an element while its bytes, and all that they are read by, stay the same.

The header of a slice differs from its neighbour's in a handful of elements. What an element becomes follows from its own
bytes and from its context: character set, sign and width of the pixels, private creators, and for some what the patient's
words are. Only the last outcome of each element is kept, so that memory does not grow with the series. The rules
themselves stand in `clean_io` and `gather_io`; an element that is not as it was is judged by them anew.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Generic, TypeVar

Outcome = TypeVar("Outcome")


class Memo(Generic[Outcome]):
    """The last outcome of each element of a series' headers."""

    def __init__(self) -> None:
        self._context: object = None
        self._raws: dict[int, object] = {}
        self._outcomes: dict[int, Outcome] = {}

    def outcomes(
        self, context: object, raws: Mapping[int, object], judge: Callable[[int], Outcome]
    ) -> dict[int, Outcome]:
        """Outcome of each element of a header: the last one where nothing has changed, else what `judge` says.

        Parameters
        ----------
        context
            What elements are read by, besides their own bytes.
        raws
            VR and bytes by tag; None where they are not known, so that nothing is remembered.
        judge
            The rule walk of one element.
        """
        if context != self._context:
            self._context = context
            self._raws.clear()
        found = {}
        for tag, raw in raws.items():
            if raw is None or self._raws.get(tag) != raw:
                self._outcomes[tag] = judge(tag)
                self._raws[tag] = raw
            found[tag] = self._outcomes[tag]
        return found

    def forget(self, tags: Iterable[int]) -> None:
        """Have these elements judged anew."""
        for tag in tags:
            self._raws.pop(tag, None)
