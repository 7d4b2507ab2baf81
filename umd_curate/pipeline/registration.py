"""What the command line asks of the register room beside a run: keep a reviewer's transform, read a receipt."""

import json
import re
from collections.abc import Sequence
from pathlib import Path

from umd_curate.errors import UsageError
from umd_curate.model.config import UmdConfig
from umd_curate.model.receipts import Json
from umd_curate.pipeline.run import OVERRIDES, opened
from umd_curate.register.overrides_io import override_of, read_transform
from umd_curate.store.ledger import Ledger
from umd_curate.store.workspace import Workspace

PAIR = re.compile(r"sub-[0-9A-Z]+_ses-[a-z0-9-]+(_from-[a-z0-9-]+)?")


def remember(
    workspace: Workspace,
    config: UmdConfig,
    given: Sequence[tuple[str, Path]],
    forgotten: Sequence[str],
    reason: str,
) -> None:
    """Keep the transforms of reviewers for this and later runs, and drop those that are taken back.

    Raises
    ------
    UsageError
        A name is no pair's, or there is no such transform to take back.
    ConfigError
        A file is no rigid transform.
    """
    entries = {pair: override_of(read_transform(path), reason.strip()) for pair, path in given}
    if not all(PAIR.fullmatch(pair) for pair in (*entries, *forgotten)):
        message = "That is not the name of a session or pair; `umd-curate register --dry-run` lists them."
        raise UsageError(message)
    with opened(workspace, config, "register") as session:
        known = session.ledger.fact(OVERRIDES)
        kept: dict[str, Json] = dict(known) if isinstance(known, dict) else {}
        if not set(forgotten) <= set(kept):
            message = "There is no transform of that pair to take back."
            raise UsageError(message)
        kept = {pair: entry for pair, entry in kept.items() if pair not in forgotten}
        session.ledger.set_fact(OVERRIDES, {**kept, **entries})


def receipt_of(workspace: Workspace, pair: str) -> dict[str, Json]:
    """Receipt document of a session's registration, or of a pair of sessions.

    Raises
    ------
    UsageError
        There is none of that name.
    """
    with Ledger(workspace.ledger_path) as ledger:
        for step in ("register", "between"):
            for receipt in ledger.receipts(step):
                found = next((entry for entry in receipt.outputs if entry.what.endswith("_xfm.json")), None)
                if receipt.unit == pair and found is not None:
                    document: dict[str, Json] = json.loads(workspace.resolve(found.path).read_text(encoding="utf-8"))
                    return document
    message = "No registration of that name is done; `umd-curate register --dry-run` lists the pairs."
    raise UsageError(message)
