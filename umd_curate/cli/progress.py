"""Watchers of a run: a progress bar with counts, rate and time left on a terminal, plain lines elsewhere."""

import sys
from types import TracebackType
from typing import Protocol, Self

from umd_curate.cli import render
from umd_curate.model.receipts import State
from umd_curate.pipeline.events import Watcher
from umd_curate.pipeline.executor import Outcome


class DrawnWatcher(Watcher, Protocol):
    """A watcher that holds the terminal while it is entered."""

    def scanning(self, done: int, total: int, what: str = "scan") -> None:
        """So many files have been looked at, or written by `what`."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...


def watcher(*, verbose: bool) -> DrawnWatcher:
    """The watcher that fits the terminal."""
    return Bars() if sys.stderr.isatty() else Lines(verbose=verbose)


class Lines:
    """One line per step, and per case that did not end well (per unit with --verbose)."""

    def __init__(self, *, verbose: bool) -> None:
        self._verbose = verbose
        self._counts: dict[State, int] = {}
        self._known = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Nothing to give back."""

    def workers_shown(self, address: str) -> None:
        """Say where."""
        render.note(f"workers: {address}")

    def scanning(self, done: int, total: int, what: str = "scan") -> None:
        """Say it once, when all files are known, or written by `what`."""
        if done == total:
            render.note(f"{what}: {total} files")

    def step_planned(self, step: str, units: int, to_do: int) -> None:  # noqa: ARG002
        """Begin to count."""
        self._counts = {}
        self._known = units - to_do

    def unit_ended(self, outcome: Outcome) -> None:
        """Count, and name what did not end well."""
        receipt = outcome.receipt
        self._counts[receipt.state] = self._counts.get(receipt.state, 0) + 1
        if receipt.state is not State.DONE:
            for finding in receipt.findings:
                render.note(f"  {receipt.state} {receipt.unit}: {finding.code} {render.said(finding)}".rstrip())
        elif self._verbose:
            render.note(f"  done {receipt.unit}: {outcome.usage.seconds:.1f} s, {outcome.usage.peak_rss_mib:.0f} MiB")

    def step_ended(self, step: str) -> None:
        """Say the sums."""
        parts = [f"{count} {state}" for state, count in self._counts.items()]
        if self._known:
            parts.append(f"{self._known} unchanged")
        render.note(f"{step}: {', '.join(parts) or 'nothing to do'}")


class Bars(Lines):
    """A bar for the step that runs; lines for the steps that have ended."""

    def __init__(self) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, Task, TextColumn, TimeRemainingColumn
        from rich.text import Text

        class Rate(TextColumn):
            """How many a second, over the last half minute."""

            def render(self, task: Task) -> Text:
                return Text(f"{task.speed:.1f} {task.fields['noun']}/s" if task.speed else "")

        super().__init__(verbose=False)
        self._progress = Progress(
            TextColumn("{task.description:<10}"),
            BarColumn(),
            MofNCompleteColumn(),
            Rate(""),
            TimeRemainingColumn(),
            console=render.console(stderr=True),
            transient=True,
        )
        self._task = self._progress.add_task("scan", total=None, noun="files")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._progress.stop()

    def scanning(self, done: int, total: int, what: str = "scan") -> None:
        """Move the bar by files."""
        self._progress.update(self._task, description=what, completed=done, total=total)
        super().scanning(done, total, what)

    def step_planned(self, step: str, units: int, to_do: int) -> None:
        """Begin a bar of what is left to do."""
        super().step_planned(step, units, to_do)
        self._progress.remove_task(self._task)
        self._task = self._progress.add_task(step, total=to_do, noun="units")

    def unit_ended(self, outcome: Outcome) -> None:
        """Move the bar by one unit."""
        super().unit_ended(outcome)
        self._progress.update(self._task, advance=1)
