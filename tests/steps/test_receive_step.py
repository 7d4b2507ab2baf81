"""A sender pushes its images into the raw folder: every object is whole and on the disk before it is acknowledged."""

import os
import re
import resource
import signal
import struct
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
    PositronEmissionTomographyImageStorage,
)
from pynetdicom import AE
from pynetdicom.dimse_primitives import C_STORE

CANARY = "Zebrafink^Quirina"
PRIVATE_CLASS = "1.3.12.2.1107.5.9.1"
SYNTAXES = (ExplicitVRLittleEndian, ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian, JPEGBaseline8Bit)


class Receiving:
    """The command as a user starts it, on a free port."""

    def __init__(self, folder, *options):
        self.inbox = folder / "inbox"
        arguments = ["receive", self.inbox, "-w", folder / "workspace", "--port", "0", "--allow", "PACS", *options]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "umd_curate", *map(str, arguments)],
            env={**os.environ, "UMD_KEY_FILE": str(folder / "keys" / "deid.key")},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        first = self.process.stderr.readline()
        self.port = int(re.search(r":(\d+);", first).group(1))

    def files(self):
        return sorted(path for path in self.inbox.rglob("*") if path.is_file())

    def associate(self, aet="PACS", called="UMD", contexts=((CTImageStorage, SYNTAXES),)):
        entity = AE(ae_title=aet)
        for sop_class, syntaxes in contexts:
            for syntax in syntaxes:
                entity.add_requested_context(sop_class, syntax)
        return entity.associate("127.0.0.1", self.port, ae_title=called)

    def store(self, *images):
        association = self.associate()
        assert association.is_established
        statuses = [association.send_c_store(image).Status for image in images]
        association.release()
        return statuses

    def said(self):
        """Stop it as a service manager does; all that it said, and its exit code."""
        self.process.send_signal(signal.SIGTERM)
        said = self.process.communicate(timeout=60)[1]
        return said, self.process.returncode


@pytest.fixture(scope="module")
def receiving(tmp_path_factory):
    started = Receiving(tmp_path_factory.mktemp("receiving"))
    yield started
    started.process.kill()
    started.process.communicate()


@pytest.fixture
def fresh(tmp_path):
    started = Receiving(tmp_path)
    yield started
    started.process.kill()
    started.process.communicate()


def an_image(number, *, syntax=ExplicitVRLittleEndian, sop_class=CTImageStorage, pixels=b"\1\2" * 64):
    image = Dataset()
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = syntax
    image.SOPClassUID = sop_class
    image.SOPInstanceUID = f"1.2.826.0.1.{number}"
    image.PatientName = CANARY
    image.PatientID = f"{CANARY}-{number}"
    image.Rows, image.Columns, image.BitsAllocated, image.SamplesPerPixel = 8, 8, 16, 1
    if syntax is JPEGBaseline8Bit:
        image.PixelData = pydicom.encaps.encapsulate([pixels])
        image["PixelData"].is_undefined_length = True
    else:
        image.PixelData = pixels
    image["PixelData"].VR = "OW"
    return image


def wire(image):
    """The dataset's bytes as they go over the wire."""
    stream = BytesIO()
    target = pydicom.filebase.DicomIO(stream)
    target.is_implicit_VR, target.is_little_endian = image.file_meta.TransferSyntaxUID.is_implicit_VR, True
    plain = Dataset(image)
    pydicom.filewriter.write_dataset(target, plain)
    return stream.getvalue()


def without_meta(data):
    """What follows preamble and file meta (PS3.10 7.1)."""
    (length,) = struct.unpack("<L", data[140:144])
    return data[144 + length :]


def stored(receiving, image):
    """Paths of the files with an image's UID, in order."""
    return [path for path in receiving.files() if pydicom.dcmread(path).SOPInstanceUID == image.SOPInstanceUID]


@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda syntax: syntax.name)
def test_an_object_is_kept_in_its_transfer_syntax_with_the_bytes_that_came(receiving, syntax):
    image = an_image(100 + SYNTAXES.index(syntax), syntax=syntax)
    assert receiving.store(image) == [0]
    (path,) = stored(receiving, image)
    found = pydicom.dcmread(path)
    assert found.file_meta.TransferSyntaxUID == syntax
    assert found.PatientName == CANARY
    if syntax is not DeflatedExplicitVRLittleEndian:
        assert without_meta(path.read_bytes()) == wire(image)


def test_a_name_tells_nothing_and_no_one_else_may_read_the_file(receiving):
    image = an_image(200)
    receiving.store(image)
    (path,) = stored(receiving, image)
    assert re.fullmatch(r"[a-z2-7]{2}/[a-z2-7]{20}\.dcm", path.relative_to(receiving.inbox).as_posix())
    assert path.stat().st_mode & 0o777 == 0o600
    assert receiving.inbox.stat().st_mode & 0o777 == 0o700


def test_the_same_object_is_kept_once_and_another_of_its_uid_beside_it(receiving):
    first, second = an_image(300), an_image(300, pixels=b"\3\4" * 64)
    assert receiving.store(first, first, second, second, first) == [0] * 5
    paths = stored(receiving, first)
    assert [path.stem.partition("-")[2] for path in paths] == ["2", ""]
    assert {pydicom.dcmread(path).PixelData for path in paths} == {first.PixelData, second.PixelData}


def test_a_private_class_is_kept_too_and_an_echo_answered(receiving):
    image = an_image(400, sop_class=PRIVATE_CLASS)
    contexts = [(PRIVATE_CLASS, [ExplicitVRLittleEndian]), ("1.2.840.10008.1.1", [ImplicitVRLittleEndian])]
    association = receiving.associate(contexts=contexts)
    assert association.send_c_store(image).Status == 0
    assert association.send_c_echo().Status == 0
    association.release()
    assert len(stored(receiving, image)) == 1


@pytest.mark.parametrize(("aet", "called"), [("STRANGER", "UMD"), ("PACS", "OTHER")])
def test_a_stranger_is_rejected(receiving, aet, called):
    association = receiving.associate(aet, called)
    assert association.is_rejected
    assert not association.is_established


def send_raw(association, data, sop_class, sop_uid):
    """Send bytes as the dataset of a C-STORE request; the status."""
    request = C_STORE()
    request.MessageID, request.Priority = 1, 2
    request.AffectedSOPClassUID, request.AffectedSOPInstanceUID = sop_class, sop_uid
    request.DataSet = BytesIO(data)
    association._reactor_checkpoint.clear()
    association.dimse.send_msg(request, association.accepted_contexts[0].context_id)
    _, answer = association.dimse.get_msg(block=True)
    association._reactor_checkpoint.set()
    return answer.Status


def test_what_is_no_dataset_or_not_the_one_that_was_named_is_refused(receiving):
    before = receiving.files()
    image = an_image(500)
    good = wire(image)
    association = receiving.associate(contexts=[(CTImageStorage, [ExplicitVRLittleEndian])])
    assert send_raw(association, b"no dataset at all" * 50, CTImageStorage, "1.2.3") == 0xC000
    assert send_raw(association, good, CTImageStorage, "1.2.3") == 0xC000
    assert send_raw(association, good, PositronEmissionTomographyImageStorage, image.SOPInstanceUID) == 0xA900
    assert receiving.files() == before
    assert send_raw(association, good, CTImageStorage, image.SOPInstanceUID) == 0
    association.release()


def test_a_full_disk_is_said_and_the_next_try_succeeds(receiving):
    image = an_image(600, pixels=bytes(1 << 20))
    _, hard = resource.prlimit(receiving.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(receiving.process.pid, resource.RLIMIT_FSIZE, (1 << 16, hard))
    try:
        assert receiving.store(image) == [0xA700]
    finally:
        resource.prlimit(receiving.process.pid, resource.RLIMIT_FSIZE, (hard, hard))
    assert stored(receiving, image) == []
    assert receiving.store(image) == [0]


SENDER = """
import os, signal, sys
from pydicom import dcmread
from pynetdicom import AE

entity = AE(ae_title="PACS")
image = dcmread(sys.argv[2])
entity.add_requested_context(image.SOPClassUID, image.file_meta.TransferSyntaxUID)
association = entity.associate("127.0.0.1", int(sys.argv[1]), ae_title="UMD")
sent, send = [0], association.dul.socket.send

def dying(data):
    sent[0] += len(data)
    if sent[0] > 1 << 20:
        os.kill(os.getpid(), signal.SIGKILL)
    send(data)

association.dul.socket.send = dying
association.send_c_store(image)
"""


def test_a_sender_that_dies_in_mid_transfer_leaves_nothing(receiving, tmp_path):
    before = receiving.files()
    image = an_image(700, pixels=bytes(4 << 20))
    pydicom.dcmwrite(tmp_path / "image.dcm", image, enforce_file_format=True)
    run = subprocess.run(
        [sys.executable, "-c", SENDER, str(receiving.port), str(tmp_path / "image.dcm")],
        capture_output=True,
        check=False,
    )
    assert run.returncode == -signal.SIGKILL
    assert receiving.store(an_image(701)) == [0]
    assert len(receiving.files()) == len(before) + 1


def test_two_senders_at_once_lose_nothing_even_where_they_send_the_same(receiving):
    ours, theirs = range(800, 830), range(820, 850)
    with ThreadPoolExecutor(2) as pool:
        batches = [[an_image(number) for number in numbers] for numbers in (ours, theirs)]
        statuses = list(pool.map(lambda images: receiving.store(*images), batches))
    assert statuses == [[0] * 30, [0] * 30]
    uids = [pydicom.dcmread(path).SOPInstanceUID for path in receiving.files()]
    assert sorted(uid for uid in uids if "1.8" in uid[10:]) == sorted(
        f"1.2.826.0.1.{number}" for number in range(800, 850)
    )


def test_what_was_acknowledged_outlives_a_killed_receiver_and_is_whole(fresh):
    pixels = bytes(range(256)) * 256
    association = fresh.associate()
    acknowledged = []
    for number in range(200):
        answer = association.send_c_store(an_image(number, pixels=pixels))
        if "Status" not in answer:
            break
        acknowledged.append(f"1.2.826.0.1.{number}")
        if number == 20:
            fresh.process.kill()
    association.join(30)
    association.dul.socket.socket.close()  # pynetdicom does not, where its peer hung up
    assert len(acknowledged) >= 21
    found = {pydicom.dcmread(path).SOPInstanceUID: path for path in fresh.files() if path.suffix == ".dcm"}
    assert set(acknowledged) <= set(found)
    assert all(pydicom.dcmread(path).PixelData == pixels for path in found.values())


def test_it_counts_each_association_and_says_no_value_of_a_header(fresh):
    image = an_image(1)
    fresh.store(image, image)
    fresh.associate("STRANGER")
    association = fresh.associate()
    send_raw(association, wire(an_image(2))[:40], CTImageStorage, "1.2.3")
    association.abort()
    time.sleep(0.5)
    said, code = fresh.said()
    assert code == 0
    lines = [line for line in said.splitlines() if line.startswith("association")]
    assert lines == [
        "association 1: 1 received, 0.0 MiB, 1 were there already, released",
        "association 2: 0 received, 0.0 MiB, rejected",
        "association 3: 0 received, 0.0 MiB, 1 refused, aborted",
    ]
    assert not any(word in said for word in ("Zebra", "Quirina", "STRANGER", "1.2.826"))


def test_a_stopped_receiver_lets_an_open_association_end(fresh):
    association = fresh.associate()
    assert association.send_c_store(an_image(1)).Status == 0
    fresh.process.send_signal(signal.SIGTERM)
    assert "No new association" in fresh.process.stderr.readline()
    assert association.send_c_store(an_image(2)).Status == 0
    association.release()
    fresh.process.wait(timeout=30)
    assert len(fresh.files()) == 2


def test_more_associations_than_allowed_are_rejected(tmp_path):
    started = Receiving(tmp_path, "--associations", "1")
    first = started.associate()
    second = started.associate()
    assert first.is_established
    assert second.is_rejected
    first.release()
    started.process.kill()
    started.process.communicate()


def call(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "umd_curate", "receive", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )


def test_an_address_beyond_this_machine_needs_a_word(tmp_path):
    refused = call(tmp_path / "inbox", "--allow", "PACS", "--host", "0.0.0.0", "-w", tmp_path / "workspace")  # noqa: S104
    assert refused.returncode == 2
    assert "--unencrypted" in refused.stderr
    assert not (tmp_path / "inbox").exists()
    agreed = call(tmp_path / "inbox", "--allow", "PACS", "--host", "0.0.0.0", "--unencrypted", "--dry-run")  # noqa: S104
    assert agreed.returncode == 0


def test_without_a_list_of_senders_nothing_is_received(tmp_path):
    refused = call(tmp_path / "inbox")
    assert refused.returncode == 2
    assert "--allow" in refused.stderr
