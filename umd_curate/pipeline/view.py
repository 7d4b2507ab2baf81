"""The ledger as the rooms see it when they plan: sessions with their artifacts, and receipts by step."""

from collections.abc import Sequence

from umd_curate.model.receipts import Artifact, Json, Receipt, State
from umd_curate.model.steps import SessionFiles
from umd_curate.store.ledger import Ledger


class LedgerView:
    """Read-only view over the newest plan of the steps that have run so far.

    Parameters
    ----------
    ledger
        Open ledger.
    steps
        Names of the steps whose outputs may be seen, in order.
    extra
        Receipts that no unit of work made, by step: the accounting.
    """

    def __init__(self, ledger: Ledger, steps: Sequence[str], extra: dict[str, Sequence[Receipt]] | None = None) -> None:
        self._receipts = {step: tuple(ledger.receipts(step)) for step in steps} | {
            step: tuple(receipts) for step, receipts in (extra or {}).items()
        }

    def receipts(self, step: str) -> Sequence[Receipt]:
        """Receipts of the current units of a step, by unit name."""
        return self._receipts.get(step, ())

    def sessions(self) -> Sequence[SessionFiles]:
        """Sessions with all artifacts that finished units made, by subject and session."""
        artifacts: dict[tuple[str, str], dict[str, Artifact]] = {}
        facts: dict[tuple[str, str], dict[str, dict[str, Json]]] = {}
        kinds: dict[tuple[str, str], str] = {}
        for receipts in self._receipts.values():
            for receipt in receipts:
                if not receipt.session or receipt.state is not State.DONE:
                    continue
                name = (receipt.subject, receipt.session)
                artifacts.setdefault(name, {}).update({entry.what: entry for entry in receipt.outputs})
                known = facts.setdefault(name, {}).setdefault(receipt.step, {})
                if "role" in receipt.measured:  # units of one image each: their facts stand under the image's role
                    known[str(receipt.measured["role"])] = receipt.measured["series"]
                    kinds[name] = str(receipt.measured["kind"])
                else:
                    known.update(receipt.measured)
        return [
            SessionFiles(subject, session, kinds.get((subject, session), ""), found, facts[subject, session])
            for (subject, session), found in sorted(artifacts.items())
        ]
