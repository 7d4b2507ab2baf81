"""Decides what a target's name means, and whether a repository may be open."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from umd_curate.errors import PublishError, UsageError
from umd_curate.model.config import DatasetConfig

UNSTATED_LICENCE = "other"
_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_URL = re.compile(r"([a-z][a-z0-9+.-]*)://(.+)")
_HUB_SCHEMES = frozenset({"hf", "hub"})


@dataclass(frozen=True, slots=True)
class Target:
    """Where releases go.

    Parameters
    ----------
    kind
        The Hub, a bucket that fsspec reaches, or a folder.
    place
        ``ORG/NAME``, a URL, or a path.
    """

    kind: Literal["hub", "bucket", "folder"]
    place: str


def target_of(text: str) -> Target:
    """Understand a target's name.

    Raises
    ------
    UsageError
        It is none of the three kinds.
    """
    if match := _URL.fullmatch(text):
        scheme, rest = match.groups()
        if scheme == "file":
            return Target("folder", rest)
        if scheme in _HUB_SCHEMES:
            text = rest.removeprefix("datasets/")
        else:
            return Target("bucket", text.rstrip("/"))
    elif text.startswith(("./", "../", "/", "~")) or text in {".", ".."}:
        return Target("folder", text)
    if _REPOSITORY.fullmatch(text):
        return Target("hub", text)
    message = "The target is neither ORG/NAME of the Hub, nor a URL such as s3://bucket/folder, nor a path."
    raise UsageError(message, hint="A folder begins with ./ or /.")


@dataclass(frozen=True, slots=True)
class Visibility:
    """Who may see a repository."""

    is_public: bool = False
    gate: Literal["manual", "auto", "none"] = "manual"

    @property
    def is_open(self) -> bool:
        """Say whether anyone can read it without being asked for a name."""
        return self.is_public or self.gate == "none"


def refuse_open(wanted: Visibility, dataset: DatasetConfig) -> None:
    """Let a repository be public or ungated only with licence, ethics approval and consent stated.

    Raises
    ------
    PublishError
        A field is missing; nothing was published.
    """
    missing = missing_grounds(dataset)
    if wanted.is_open and missing:
        message = f"A public or ungated repository needs {' and '.join(missing)} in umd.toml."
        raise PublishError(message, hint="Nothing was published. Fill them in, or publish privately.")


def missing_grounds(dataset: DatasetConfig) -> Sequence[str]:
    """Fields of umd.toml without which a dataset must not be open."""
    stated = {
        "dataset.licence": dataset.licence != UNSTATED_LICENCE,
        "dataset.ethics": bool(dataset.ethics),
        "dataset.consent": bool(dataset.consent),
    }
    return [name for name, is_stated in stated.items() if not is_stated]
