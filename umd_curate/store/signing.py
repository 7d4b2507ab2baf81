"""Ed25519 signatures (RFC 8032) over the checksums of a release: who built it, told by the key's fingerprint.

The secret key lies outside the workspace, mode 0600, and is made at the first signature; each process reads it from its
file. The public key travels with the signature; `openssl pkeyutl -verify -pubin -rawin` reads both.
"""

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, cast

from umd_curate.errors import WorkspaceError
from umd_curate.store.files import write_bytes
from umd_curate.store.lazy import Lazy

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

serialization = Lazy("cryptography.hazmat.primitives.serialization")
ed25519 = Lazy("cryptography.hazmat.primitives.asymmetric.ed25519")

KEY_ENVIRONMENT = "UMD_SIGNING_KEY"  # overrides release.signing_key
SIGNATURE_SUFFIX, PUBLIC_SUFFIX = ".sig", ".pub"
FINGERPRINT_DIGITS = 32


def signing_key_path(configured: str) -> Path:
    """Where the secret key lies: the environment variable's path, else the configured one."""
    return Path(os.environ.get(KEY_ENVIRONMENT) or configured).expanduser()


def sign_file(path: Path, key_file: Path, workspace: Path) -> str:
    """Write ``<path>.sig`` and ``<path>.pub`` beside a file; return the key's fingerprint.

    Parameters
    ----------
    path
        File to sign.
    key_file
        Secret key; made where it is not there.
    workspace
        Folder in which the secret key must not lie.

    Raises
    ------
    WorkspaceError
        The key lies in the workspace, or cannot be read.
    """
    if key_file.resolve().is_relative_to(workspace.resolve()):
        message = "The signing key must not lie in the workspace."
        raise WorkspaceError(message, hint="Set release.signing_key to a file outside of it.")
    key = _secret_key(key_file)
    public = key.public_key()
    write_bytes(path.with_name(path.name + SIGNATURE_SUFFIX), key.sign(path.read_bytes()))
    write_bytes(path.with_name(path.name + PUBLIC_SUFFIX), _pem(public))
    return fingerprint(_pem(public))


def fingerprint(public_pem: bytes) -> str:
    """Name of a public key: the first 32 hex digits of the SHA-256 of its raw bytes.

    Raises
    ------
    ValueError
        It is no Ed25519 key.
    """
    raw: bytes = _public_key(public_pem).public_bytes_raw()
    return hashlib.sha256(raw).hexdigest()[:FINGERPRINT_DIGITS]


def is_signed_by(data: bytes, signature: bytes, public_pem: bytes) -> bool:
    """Say whether the signature is that of the key over the data; a file that is no key has signed nothing."""
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415  (only where a signature is checked)

    try:
        _public_key(public_pem).verify(signature, data)
    except (InvalidSignature, ValueError):
        return False
    return True


def _secret_key(path: Path) -> "Ed25519PrivateKey":
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        made = ed25519.Ed25519PrivateKey.generate()
        pem: bytes = made.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        write_bytes(path, pem, mode=0o600)
    try:
        key: Ed25519PrivateKey = serialization.load_pem_private_key(path.read_bytes(), None)
    except (OSError, ValueError, TypeError) as error:
        message = "The signing key cannot be read."
        hint = f"Set release.signing_key in umd.toml or the variable {KEY_ENVIRONMENT} to an Ed25519 key in PEM."
        raise WorkspaceError(message, hint=hint) from error
    return key


def _pem(key: "Ed25519PublicKey") -> bytes:
    pem: bytes = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return pem


def _public_key(pem: bytes) -> "Ed25519PublicKey":
    key = serialization.load_pem_public_key(pem)
    if not isinstance(key, ed25519.Ed25519PublicKey):
        message = "the key is no Ed25519 key"
        raise ValueError(message)  # noqa: TRY004  (a file of the wrong content, as for one that is no key at all)
    return cast("Ed25519PublicKey", key)
