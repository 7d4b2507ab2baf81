"""A Storage SCP (PS3.4 B): another system pushes its images straight into the raw folder.

Decides who may send, what is kept and under which name; what the files hold is for the scan. Each object is written as it
came, in its own transfer syntax and not decoded, under a name made from a keyed digest of its SOP Instance UID. It has its
name when it is whole and on the disk, and only then is it acknowledged: a sender may delete what was acknowledged. No value
of a header is ever logged.
"""

import ipaddress
import logging
import socket
import threading
import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, cast

from pydicom.uid import UID
from pynetdicom import AE, AllStoragePresentationContexts, _config, evt

from umd_curate.errors import UsageError
from umd_curate.store.dicom import READ_FAULTS, read_dataset
from umd_curate.store.files import atomic, sweep_temporaries
from umd_curate.store.keys import DeidKey

if TYPE_CHECKING:
    from pynetdicom.dimse_primitives import C_STORE
    from pynetdicom.transport import ThreadedAssociationServer

# Statuses of C-STORE (PS3.4 table B.2-1).
SUCCESS = 0x0000
OUT_OF_RESOURCES = 0xA700
NOT_ITS_CLASS = 0xA900
NOT_UNDERSTOOD = 0xC000

GRACE_S = 10.0  # so long an association may go on when the receiver is told to stop
NETWORK_TIMEOUT_S = 120.0  # a sender that is silent for so long has gone
_NAME_LETTERS = 20  # 100 bits of the keyed digest
_FOLDER_LETTERS = 2  # of the name; 1024 folders
_LOCKS = 64
_VERIFICATION = UID("1.2.840.10008.1.1")  # PS3.4 A, C-ECHO
_UIDS = [0x00080016, 0x00080018]  # SOP class and SOP instance


class End(Enum):
    """How an association ended."""

    RELEASED = "released"
    ABORTED = "aborted"
    REJECTED = "rejected"


class Kept(Enum):
    """What became of a received object."""

    NEW = "new"
    BESIDE = "beside"  # other bytes under a known SOP Instance UID
    AGAIN = "again"  # the same bytes


@dataclass(slots=True)
class Association:
    """One association and what came through it.

    Parameters
    ----------
    number
        Counts from one.
    received, beside, again, refused
        Objects kept, of them those that lie beside another one of their UID; those that were there already; those answered
        with a failure.
    size
        Bytes kept.
    end
        How it ended.
    """

    number: int
    received: int = 0
    beside: int = 0
    again: int = 0
    refused: int = 0
    size: int = 0
    end: End = End.ABORTED


class Inbox:
    """Raw folder that received objects are put into.

    Parameters
    ----------
    folder
        Made where it is missing, for this account alone.
    key
        What names are derived from.
    """

    def __init__(self, folder: Path, key: DeidKey) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        sweep_temporaries(folder)
        self._folder = folder
        self._key = key
        self._locks = tuple(threading.Lock() for _ in range(_LOCKS))

    def keep(self, sop_uid: str, data: bytes) -> Kept:
        """Write an object under the name of its UID; one that is there with the same bytes is left as it is.

        Raises
        ------
        OSError
            The disk is full or cannot be written.
        """
        name = self._key.letters("received", sop_uid, _NAME_LETTERS).lower()
        folder = self._folder / name[:_FOLDER_LETTERS]
        with self._locks[hash(name) % _LOCKS]:
            path, others = folder / f"{name}.dcm", 1
            while path.exists():
                if path.stat().st_size == len(data) and path.read_bytes() == data:
                    return Kept.AGAIN
                others += 1
                path = folder / f"{name}-{others}.dcm"
            with atomic(path, mode=0o600) as temporary:
                temporary.write_bytes(data)
        return Kept.NEW if others == 1 else Kept.BESIDE


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen, under which AE title, and whom to hear.

    Parameters
    ----------
    host, port
        Port 0 takes a free one.
    aet
        Our AE title; who calls another is rejected.
    allowed
        AE titles of those who may send; who has another is rejected.
    associations
        How many may be open at once.
    max_pdu
        Largest PDU that we ask for [bytes] (PS3.8 D.1); 0 leaves it to the sender.
    """

    host: str
    port: int
    aet: str
    allowed: Sequence[str]
    associations: int = 10
    max_pdu: int = 1 << 18


class Receiver:
    """A Storage SCP at work; a context manager that stops it.

    Parameters
    ----------
    inbox, address
        Where to put what comes, and where to listen.
    ended
        Told of each association that has ended, one at a time.

    Raises
    ------
    UsageError
        The address is taken, or not one of this machine.
    """

    def __init__(self, inbox: Inbox, address: Address, ended: Callable[[Association], None]) -> None:
        self._inbox = inbox
        self._ended = ended
        self._associations: dict[object, Association] = {}
        self._count = 0
        self._lock = threading.Lock()
        _silence()
        self._ae = _application(address)
        handlers: Any = [
            (evt.EVT_C_STORE, self._store),
            (evt.EVT_RELEASED, self._end, [End.RELEASED]),
            (evt.EVT_ABORTED, self._end, [End.ABORTED]),
            (evt.EVT_REJECTED, self._end, [End.REJECTED]),
        ]
        try:
            server = self._ae.start_server((address.host, address.port), block=False, evt_handlers=handlers)
        except OSError as error:
            message = "The receiver cannot listen at this address."
            hint = "Another program holds the port, or the host is not this machine."
            raise UsageError(message, hint=hint) from error
        self._server = cast("ThreadedAssociationServer", server)

    @property
    def port(self) -> int:
        """Port that it listens on."""
        return int(self._server.server_address[1])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Take no new association, let those that are open end for a while, then abort them."""
        self._server.shutdown()
        deadline = time.monotonic() + GRACE_S
        while self._server.active_associations and time.monotonic() < deadline:
            time.sleep(0.05)
        for association in self._server.active_associations:
            association.abort()
        self._ae.shutdown()

    def _of(self, event: evt.Event) -> Association:
        with self._lock:
            if event.assoc not in self._associations:
                self._count += 1
                self._associations[event.assoc] = Association(self._count)
            return self._associations[event.assoc]

    def _end(self, event: evt.Event, end: End) -> None:
        association = self._of(event)
        association.end = end
        with self._lock:
            self._associations.pop(event.assoc, None)
            self._ended(association)

    def _store(self, event: evt.Event) -> int:
        """Answer one C-STORE request with its status."""
        association = self._of(event)
        data, request = event.encoded_dataset(), cast("C_STORE", event.request)
        sop_class, sop_instance = str(request.AffectedSOPClassUID), str(request.AffectedSOPInstanceUID)
        status = _status_of(data, sop_class, sop_instance)
        if status == SUCCESS:
            try:
                kept = self._inbox.keep(sop_instance, data)
            except OSError:
                status = OUT_OF_RESOURCES
            else:
                association.received += kept is not Kept.AGAIN
                association.beside += kept is Kept.BESIDE
                association.again += kept is Kept.AGAIN
                association.size += len(data) * (kept is not Kept.AGAIN)
        association.refused += status != SUCCESS
        return status


def is_loopback(host: str) -> bool:
    """Say whether nobody beyond this machine can reach an address; a name counts by all that it stands for."""
    with suppress(OSError):
        return all(ipaddress.ip_address(entry[4][0]).is_loopback for entry in socket.getaddrinfo(host, None))
    return False


def _status_of(data: bytes, sop_class: str, sop_instance: str) -> int:
    """Whether an object can be read up to its pixels and is what the request says."""
    try:
        found = read_dataset(BytesIO(data), stop_before_pixels=True, specific_tags=_UIDS)
        is_its_class = found.SOPClassUID == sop_class
        is_it = found.SOPInstanceUID == sop_instance
    except READ_FAULTS:
        return NOT_UNDERSTOOD
    if not is_its_class:
        return NOT_ITS_CLASS
    return SUCCESS if is_it else NOT_UNDERSTOOD


def _application(address: Address) -> AE:
    """The application entity: verification, and storage of every SOP class in every transfer syntax."""
    _config.UNRESTRICTED_STORAGE_SERVICE = True  # private SOP classes too; the scan says what they are
    entity = AE(ae_title=address.aet)
    entity.supported_contexts = AllStoragePresentationContexts
    entity.add_supported_context(_VERIFICATION)
    entity.require_called_aet = True
    entity.require_calling_aet = list(address.allowed)
    entity.maximum_associations = address.associations
    entity.maximum_pdu_size = address.max_pdu
    entity.network_timeout = NETWORK_TIMEOUT_S
    return entity


def _silence() -> None:
    """Nothing that the libraries would say reaches a log: it holds header values."""
    _config.LOG_HANDLER_LEVEL = "none"
    logger: Any = logging.getLogger("pynetdicom")
    logger.addHandler(logging.NullHandler())
    logger.propagate = False
    warnings.simplefilter("ignore")  # for all threads of this process
