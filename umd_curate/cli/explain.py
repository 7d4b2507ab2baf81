"""`scan explain` and `scan groups`: why a series was chosen or not, and which protocols there are to decide about."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from umd_curate.cli import render
from umd_curate.cli.options import Options, common
from umd_curate.cli.scan import RAW, looked_at, named
from umd_curate.cli.scan import scan as scan_folder
from umd_curate.errors import ExitCode, UsageError
from umd_curate.model.receipts import Json
from umd_curate.model.study import Disposition, Ranking
from umd_curate.pipeline import explain as said
from umd_curate.pipeline.orders import read_order

_SHOWN = (
    "manufacturer",
    "model",
    "protocol",
    "series",
    "kernel",
    "reconstruction",
    "matrix",
    "pixel_mm",
    "thickness_mm",
)


class ScanGroup(click.Group):
    """`umd-curate scan RAW` with commands beside: the first word is a command of its own, or a folder."""

    allow_interspersed_args = True  # options may stand behind the folders

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,  # noqa: ANN401  (click's own)
    ) -> click.Context:
        """Context of the command that the first word names, else of the scan itself."""
        if args and args[0] in self.commands:
            return self.commands[args[0]].make_context(f"{info_name} {args[0]}", args[1:], parent, **extra)
        return super().make_context(info_name, args, parent, **extra)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As a command: all words are options and folders."""
        return click.Command.parse_args(self, ctx, args)

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401  (click's own)
        """As a command."""
        return click.Command.invoke(self, ctx)


@click.command
@click.argument("name", metavar="ID")
@RAW
@common
def explain(options: Options, name: str, raw_folders: tuple[Path, ...]) -> int:
    """Say why ID was chosen, passed over, excluded or quarantined, what the alternatives were, and how to decide otherwise.

    ID is a series (s-...), a file (f-...), a protocol group (g-...), or a unit, session or subject (sub-...). Without RAW
    the folders of the last run are looked at.

    \b
    Example:
      umd-curate scan explain s-3M1XW0PB --workspace study
    """
    understood, key = looked_at(options, named(raw_folders))
    plan = understood.plan
    workspace = options.open() if options.exists() else None
    config = options.settings(workspace)
    orders = [read_order(path) for path in sorted((workspace.private / "orders").glob("*.json"))] if workspace else []
    units = {order.unit: order.series for order in orders}
    found = said.explain(plan, name, config.ingest.decide, key.short_id, units)
    if found is None:
        message = "No file, series, protocol group, unit or session of the raw folder has this id."
        raise UsageError(message, hint="`umd-curate scan`, `scan groups` and `quarantine` list ids.")
    if options.json:
        render.as_json({"id": found.id, "why": list(found.sentences), "ranking": _ranking_json(found.ranking),
                        "override": list(found.advice)})  # fmt: skip
        return ExitCode.DONE
    render.line(found.id)
    for sentence in found.sentences:
        render.line(f"  {sentence}")
    if found.ranking and len(found.ranking.entries) > 1:
        _draw(found.ranking)
    if found.advice:
        render.line("To decide otherwise, in umd.toml:" if found.advice[0].startswith("[[") else "What to do:")
        for text in found.advice:
            render.line(f"  {text}")
    return ExitCode.DONE


@click.command
@RAW
@common
def groups(options: Options, raw_folders: tuple[Path, ...]) -> int:
    """List the protocol groups: volumes that one protocol makes. A decision for one holds for all of them.

    Groups that tie with another come first: only the series number told them apart. It shows words of the headers, so keep
    the output where the headers may be.

    \b
    Example:
      umd-curate scan groups --workspace study
    """
    plan = looked_at(options, named(raw_folders))[0].plan
    config = options.settings(options.open() if options.exists() else None)
    found = said.group_summaries(plan, config.ingest.decide)
    idle = said.idle_decisions(plan, config.ingest.decide)
    if options.json:
        entries: list[Json] = [group.as_json() for group in found]
        render.as_json({"groups": entries, "decisions_without_effect": list(idle)})
        return ExitCode.DONE
    columns = ("group", "role", "used", "others", "ties with", "decided", "exemplar", "protocol")
    rows = [
        (
            group.id,
            group.role.value,
            group.volumes[Disposition.USED],
            group.volumes.total() - group.volumes[Disposition.USED],
            ", ".join(f"{name} ({count})" for name, count in group.ties.items()),
            group.decision.choose if group.decision else "",
            group.exemplar,
            ", ".join(group.parameters[name] for name in _SHOWN if name in group.parameters),
        )
        for group in found
    ]
    render.table("Protocol groups", columns, rows, right=("used", "others"))
    ties = sum(bool(group.ties and not group.decision) for group in found)
    if ties:
        render.note(f"{ties} groups tie. Decide for one of each tie in umd.toml:")
        render.note('  [[ingest.decide]]\n  group = "g-..."\n  choose = "first"\n  reason = "..."')
    for name in idle:
        render.note(f"The decision for {name} has no effect: nothing in this folder has that id.")
    return ExitCode.DONE


def _draw(ranking: Ranking) -> None:
    told = [
        place
        for place in range(len(ranking.criteria))
        if len({entry.values[place] for entry in ranking.entries}) > 1
    ]  # fmt: skip
    columns = ("series", "group", "what", "files", *(ranking.criteria[place] for place in told), "outcome")
    rows: Sequence[Sequence[object]] = [
        (
            entry.series,
            entry.group,
            entry.label,
            entry.files,
            *(entry.values[place] for place in told),
            f"{entry.disposition} {entry.code}".strip(),
        )
        for entry in ranking.entries
    ]
    render.table(f"Ranking of {ranking.role}, best first", columns, rows, right=("files",))


def _ranking_json(ranking: Ranking | None) -> Json:
    if ranking is None:
        return None
    return {
        "role": ranking.role.value,
        "tied": ranking.tied,
        "entries": [
            {
                "series": entry.series,
                "group": entry.group,
                "what": entry.label,
                "files": entry.files,
                "criteria": dict(zip(ranking.criteria, entry.values, strict=True)),
                "disposition": entry.disposition.value,
                "code": entry.code,
            }
            for entry in ranking.entries
        ],
    }


scan = ScanGroup("scan", params=scan_folder.params, callback=scan_folder.callback, help=scan_folder.help)
scan.add_command(explain)
scan.add_command(groups)
