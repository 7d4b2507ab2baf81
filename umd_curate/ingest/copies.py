"""Decides which files are copies of one SOP instance, and which only claim to be.

Files with one SOP Instance UID (0008,0018) are copies when their size, header and content digest agree: the first path is
used. Otherwise one of them was changed and nobody here can say which: all are refused. The content digest is the edge's
work (`scan.settle_copies`), done only for the files that `suspected_copies` names.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from umd_curate.model.headers import FileKind, InstanceHeader


@dataclass(frozen=True, slots=True)
class Copies:
    """Paths of copies and of conflicting files; all other files are unique or the first of their kind."""

    duplicates: frozenset[str]
    conflicts: frozenset[str]


def find_copies(headers: Sequence[InstanceHeader]) -> Copies:
    """Sort out files with one SOP Instance UID; a file without one is only compared by its bytes."""
    duplicates: set[str] = set()
    conflicts: set[str] = set()
    for group in _same_claim(headers):
        if len({_content(header) for header in group}) > 1:
            conflicts |= {header.path for header in group}
        else:
            duplicates |= {header.path for header in group[1:]}
    return Copies(frozenset(duplicates), frozenset(conflicts))


def suspected_copies(headers: Iterable[InstanceHeader]) -> list[list[InstanceHeader]]:
    """Groups of readable files that agree in UID, size and header digest, so that only their bytes can tell them apart."""
    groups: dict[tuple[str, int, str], list[InstanceHeader]] = defaultdict(list)
    for header in headers:
        if header.kind is FileKind.DICOM:
            groups[header.sop_instance_uid or "", header.size, header.header_sha256].append(header)
    return [sorted(group, key=lambda header: header.path) for _, group in sorted(groups.items()) if len(group) > 1]


def _content(header: InstanceHeader) -> tuple[int, str, str]:
    return header.size, header.header_sha256, header.content_sha256


def _same_claim(headers: Sequence[InstanceHeader]) -> list[list[InstanceHeader]]:
    groups: dict[str, list[InstanceHeader]] = defaultdict(list)
    for header in headers:
        claim = header.sop_instance_uid or "|".join(map(str, _content(header)))
        groups[claim].append(header)
    return [sorted(group, key=lambda header: header.path) for _, group in sorted(groups.items()) if len(group) > 1]
