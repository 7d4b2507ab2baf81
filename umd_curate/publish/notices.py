"""Decides how the card on the main branch tells that a version was taken back.

The notices stand between two marks below the card's YAML head. A release folder never holds them: they belong to the place
where the release lies, are carried on from version to version, and are cut out before the card is compared with a checksum.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

_BEGIN, _END = "<!-- versions taken back -->", "<!-- end of versions taken back -->"
_BLOCK = re.compile(rf"\n{_BEGIN}\n.*?{_END}\n", re.DOTALL)
_LINE = re.compile(r"^> - \*\*(\d+\.\d+\.\d+)\*\* (yanked|purged): (.+)$", re.MULTILINE)
_FENCE = "\n---\n"


@dataclass(frozen=True, slots=True)
class Notice:
    """A version that was taken back.

    Parameters
    ----------
    version
        Number of the version.
    reason
        Why, in words that name no person.
    is_purged
        Whether its files were deleted for good; otherwise they can be read by the tag ``yanked-vX.Y.Z``.
    """

    version: str
    reason: str
    is_purged: bool


def notices_in(card: str) -> tuple[Notice, ...]:
    """Notices of a card."""
    block = _BLOCK.search(card)
    found = _LINE.findall(block.group()) if block else []
    return tuple(Notice(version, reason, state == "purged") for version, state, reason in found)


def without_notices(card: str) -> str:
    """The card as its release holds it."""
    return _BLOCK.sub("", card)


def with_notices(card: str, notices: Sequence[Notice]) -> str:
    """The card with these notices and no others, below its head."""
    plain = without_notices(card)
    if not notices:
        return plain
    lines = [
        f"> - **{notice.version}** {'purged' if notice.is_purged else 'yanked'}: {' '.join(notice.reason.split())}"
        for notice in notices
    ]
    block = "\n".join(
        ["", _BEGIN, "> **Versions taken back.** Do not use them, and delete your copies.", ">", *lines, _END, ""]
    )
    head, fence, body = plain.partition(_FENCE)
    return f"{head}{fence}{block}{body}" if fence else f"{block}{plain}"


def noted(notices: Sequence[Notice], new: Sequence[Notice]) -> tuple[Notice, ...]:
    """Notices with new ones; a version has one notice, the newest."""
    by_version = {notice.version: notice for notice in (*notices, *new)}
    return tuple(by_version[version] for version in sorted(by_version, key=lambda v: tuple(map(int, v.split(".")))))


def tombstone(name: str, notices: Sequence[Notice]) -> str:
    """Card of a repository that has no version left."""
    return with_notices(f"# {name}\n\nNo version of this dataset is published.\n", notices)
