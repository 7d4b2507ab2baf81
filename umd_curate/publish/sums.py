"""Decides whether published files are what a ``SHA256SUMS`` says, both ways."""

from collections.abc import Mapping

SUMS = "manifests/SHA256SUMS"  # names neither itself nor its signature


def sums_of(text: str) -> dict[str, str]:
    """Path to SHA-256."""
    found = {}
    for line in text.splitlines():
        digest, _, path = line.partition("  ")
        found[path] = digest
    return found


def differing(sums: Mapping[str, str], digests: Mapping[str, str]) -> list[str]:
    """Files that are missing, changed, or named by no checksum."""
    paths = sorted(sums.keys() | digests.keys())
    return [path for path in paths if not path.startswith(SUMS) and sums.get(path) != digests.get(path)]
