"""The secret key of de-identification and what is derived from it by HMAC-SHA256.

Same key, same answers, on any machine and in any order; without the key nothing can be reproduced from a list of
patients. The key never lies in the workspace and never enters a task's arguments: each process reads it from its file.
"""

import base64
import hashlib
import hmac
import os
import re
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from umd_curate.errors import WorkspaceError
from umd_curate.model.ids import PatientKey, ShortId
from umd_curate.store.files import write_bytes

KEY_BYTES = 32
KEY_ENVIRONMENT = "UMD_KEY_FILE"  # overrides deid.key_file
_OWN_KEY = re.compile(r"unlinkable-[0-9a-f]{16}\.key")  # name of the key file of one workspace alone

MIN_SHIFT_DAYS = 366
MAX_SHIFT_DAYS = 3650
SHORT_ID_LENGTH = 8


@dataclass(frozen=True, slots=True)
class DeidKey:
    """A secret key; its bytes never show in a repr."""

    secret: bytes = field(repr=False)

    def digest(self, purpose: str, value: str) -> bytes:
        """HMAC-SHA256 of `value` for one purpose; purposes never share a digest."""
        return hmac.new(self.secret, f"{purpose}\0{value}".encode(), hashlib.sha256).digest()

    @property
    def fingerprint(self) -> str:
        """Public name of the key: 16 hex digits that do not lead back to it."""
        return self.digest("fingerprint", "").hex()[:16]

    def uid(self, source_uid: str) -> str:
        """Replacement of a UID: ``2.25.`` and 128 bits (PS3.5 B.2)."""
        return f"2.25.{int.from_bytes(self.digest('uid', source_uid.strip())[:16], 'big')}"

    def shift_days(self, patient: PatientKey) -> int:
        """Whole days by which all dates of a patient move, -366 to -3650."""
        span = MAX_SHIFT_DAYS - MIN_SHIFT_DAYS + 1
        return -MIN_SHIFT_DAYS - int.from_bytes(self.digest("date", patient)[:8], "big") % span

    def letters(self, purpose: str, value: str, count: int) -> str:
        """First `count` letters of a digest in base 32; each holds 5 bits."""
        return base64.b32encode(self.digest(purpose, value)).decode()[:count]

    def short_id(self, kind: str, value: str) -> ShortId:
        """Name of a thing for messages and logs: `kind` and 40 bits in base 32, such as ``f-9K2QMZ7A``."""
        return ShortId(f"{kind}-{self.letters(f'short-{kind}', value, SHORT_ID_LENGTH)}")


def key_path(configured: str) -> Path:
    """Where the key lies: the environment variable's path, else the configured one."""
    return Path(os.environ.get(KEY_ENVIRONMENT) or configured).expanduser()


def own_key_file() -> str:
    """Setting for the key of one workspace alone: a new name beside the common key."""
    return f"~/.config/umd-curate/unlinkable-{secrets.token_hex(8)}.key"


def is_own_key_file(configured: str) -> bool:
    """Say whether the settings name a key that was meant for one workspace alone."""
    return _OWN_KEY.fullmatch(Path(configured).name) is not None


def load_key(path: Path) -> DeidKey:
    """Read a key.

    Raises
    ------
    WorkspaceError
        The file is absent or does not hold a key.
    """
    try:
        secret = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except (OSError, ValueError) as error:
        message = "The de-identification key cannot be read."
        hint = f"Set deid.key_file in umd.toml or the variable {KEY_ENVIRONMENT} to the key of this workspace."
        raise WorkspaceError(message, hint=hint) from error
    if len(secret) != KEY_BYTES:
        message = f"The de-identification key must have {KEY_BYTES} bytes in hex."
        raise WorkspaceError(message)
    return DeidKey(secret)


def make_key(path: Path) -> DeidKey:
    """Make a new random key, mode 0600; an existing one is kept and read."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_bytes(path, secrets.token_hex(KEY_BYTES).encode() + b"\n", mode=0o600)
    return load_key(path)
