"""What the pipeline tells whoever watches: the command line draws it, tests collect it."""

from typing import Protocol

from umd_curate.pipeline.executor import Outcome


class Watcher(Protocol):
    """Receives events in order, from the coordinator's thread."""

    def workers_shown(self, address: str) -> None:
        """The workers can be watched on a page."""
        ...

    def scanning(self, done: int, total: int) -> None:
        """So many of the raw folder's files have been looked at."""
        ...

    def step_planned(self, step: str, units: int, to_do: int) -> None:
        """A step has so many units, of which some are not done yet."""
        ...

    def unit_ended(self, outcome: Outcome) -> None:
        """A unit has ended and stands in the ledger."""
        ...

    def step_ended(self, step: str) -> None:
        """All units of the step have ended."""
        ...


class Silent:
    """Watches without a word."""

    def workers_shown(self, address: str) -> None:
        """Say nothing."""

    def scanning(self, done: int, total: int) -> None:
        """Say nothing."""

    def step_planned(self, step: str, units: int, to_do: int) -> None:
        """Say nothing."""

    def unit_ended(self, outcome: Outcome) -> None:
        """Say nothing."""

    def step_ended(self, step: str) -> None:
        """Say nothing."""
