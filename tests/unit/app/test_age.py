"""Age files: others read what we write and the other way round; what was changed never opens."""

from __future__ import annotations

import base64
import io
import tracemalloc
from pathlib import Path

import pytest

from app.backup import age

# Made with another implementation of the format. In pieces: it is a key, though of nothing.
SECRET = "AGE-SECRET-" + "KEY-1WPV3SARFZEVXX28ERT205M79HSXN83Y6350T4FWZN4X5CEX28EXQZ4UWK6"
FILE = base64.b64decode(
    "YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IFgyNTUxOSBRY2VKU0U1KzBqTm4wSTFIazFnMWV2R1liOXU1VkZHLzBQSWpU"
    "OFd1Z2hvClljRWFIc3JlMFp4WmpqWmxZdkxveWxCSVg5Rkp3SUJqWEhQdW5uRFFsSzgKLT4gNmc8YEd8LWdyZWFzZSA5"
    "XnljbCAqcSA5a3Q3JlB6CgotLS0gRkdEMlpDZlVrY1dydG1MZE5GTHpvYXM1VFh6UGpSamtzbkJyeTlOajNLawpooCVk"
    "uZaZLBYH2E+9GGxChyLNuCu6ZnfBLCU0Z8MobGa6rwpUuEQ83mU0EjhqWt4="
)

# Made by our own code, before the library: such backups are kept somewhere and must open.
OLD_SECRET = "AGE-SECRET-" + "KEY-1WP7K92NQAQ66MKMU0UQ4PHR5H0SCW0XCXMGHFXVHL9787MLYSELQJLVR9P"
OLD_FILE = base64.b64decode(
    "YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IFgyNTUxOSBiYURSSmhxOUlQOGcyL0ZTQmZLR0lPOEpzdDdmMHBXa0xDLzdx"
    "Uk93S0FFCmswUnFVaS9CUmR5Mm1yQ1hpaWFLaXU3RDBXVUllRzcvdlpWS1YvbEN6ajQKLS0tIDU4eVdhSWNZdmtnNVFu"
    "Ny9BQVUwRWF1dHI1NGgyK0dVb3FWUjltQndyZjAKfEzc1QWpoI4sAWsE2X8XDHp47gxNS8nDr/LirH0nPGypBZGjFOaS"
    "cqrKbWH1AxAmenF7HZVcPoBQXVgJ"
)
TAG = 16


def written(data: bytes, *recipients: str) -> bytes:
    held = io.BytesIO()
    writer = age.Writer(held, recipients)
    for start in range(0, len(data), 10_000):
        writer.write(data[start : start + 10_000])
    writer.finish()
    return held.getvalue()


def read(data: bytes, secret: str) -> bytes:
    with age.Reader(io.BytesIO(data), age.identity_key(secret)) as reader:
        return reader.readall() or b""


@pytest.mark.urs("URS-BAK-030")
def test_a_file_of_another_implementation_opens() -> None:
    assert read(FILE, f"# a comment\n{SECRET}\n") == b"a known sentence"


@pytest.mark.urs("URS-BAK-030")
def test_a_file_of_our_earlier_code_opens() -> None:
    assert read(OLD_FILE, OLD_SECRET) == b"written by the first release"


@pytest.mark.urs("URS-BAK-030")
@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 65_537, 131_072, 200_000])
def test_each_recipient_reads_what_was_written(size: int) -> None:
    pairs = [age.new_identity(), age.new_identity()]
    data = bytes(index % 251 for index in range(size))
    file = written(data, *(recipient for _, recipient in pairs))
    assert [read(file, secret) for secret, _ in pairs] == [data, data]


@pytest.mark.urs("URS-BAK-030")
def test_a_wrong_key_opens_nothing() -> None:
    with pytest.raises(age.CannotOpen, match="No matching keys"):
        read(written(b"data", age.new_identity()[1]), age.new_identity()[0])


@pytest.mark.urs("URS-BAK-030")
def test_a_file_that_was_cut_or_changed_anywhere_does_not_open() -> None:
    secret, recipient = age.new_identity()
    file = written(bytes(70_000), recipient)
    for length in (0, 10, 150, 190, len(file) - 5000, len(file) - 1):
        with pytest.raises(age.CannotOpen):
            read(file[:length], secret)
    cut_between_pieces = file[: len(file) - (70_000 - age.PIECE + TAG)]
    with pytest.raises(age.CannotOpen):
        read(cut_between_pieces, secret)
    for place in (3, 40, 100, 150, 180, 300, len(file) - 1):
        changed = bytearray(file)
        changed[place] ^= 1
        with pytest.raises(age.CannotOpen):
            read(bytes(changed), secret)


@pytest.mark.parametrize("text", ["", "age1", "age1qqqqqqqq", "AGE-SECRET-" + "KEY-1QQ", "b1b"])
def test_what_is_no_key_is_told(text: str) -> None:
    with pytest.raises(ValueError, match=r"key|identity"):
        age.recipient_key(text)
    with pytest.raises(ValueError, match=r"key|identity"):
        age.identity_key(text)


def test_one_wrong_letter_of_a_key_is_noticed() -> None:
    _, recipient = age.new_identity()
    for place in range(4, len(recipient)):
        other = "q" if recipient[place] != "q" else "p"
        with pytest.raises(ValueError, match="not a key"):
            age.recipient_key(recipient[:place] + other + recipient[place + 1 :])


def test_a_secret_is_no_recipient() -> None:
    secret, recipient = age.new_identity()
    with pytest.raises(ValueError, match="not a key of the kind"):
        age.recipient_key(secret.lower())
    with pytest.raises(ValueError, match="not a key of the kind"):
        age.identity_key(recipient)


def test_a_file_for_nobody_is_not_written() -> None:
    with pytest.raises(ValueError, match="recipient"):
        age.Writer(io.BytesIO(), [])


@pytest.mark.urs("URS-BAK-030")
def test_an_abandoned_file_never_opens() -> None:
    secret, recipient = age.new_identity()
    held = io.BytesIO()
    writer = age.Writer(held, [recipient])
    writer.write(bytes(300_000))
    writer.abandon()
    assert writer.write(b"the end of a tar") == 16
    with pytest.raises(age.CannotOpen):
        read(held.getvalue(), secret)


@pytest.mark.urs("URS-BAK-010")
def test_a_full_disk_is_told_as_what_it_is() -> None:
    with Path("/dev/full").open("wb", buffering=0) as full:
        writer = age.Writer(full, [age.new_identity()[1]])
        with pytest.raises(OSError, match="No space left"):
            writer.write(bytes(10_000_000))


def test_a_full_disk_at_the_very_end_is_told_too() -> None:
    with Path("/dev/full").open("wb", buffering=0) as full:
        writer = age.Writer(full, [age.new_identity()[1]])
        writer.write(b"little")
        with pytest.raises(OSError, match="No space left"):
            writer.finish()


def test_a_reader_is_closed_before_the_end_and_lets_go_of_the_file() -> None:
    secret, recipient = age.new_identity()
    file = io.BytesIO(written(bytes(1_000_000), recipient))
    with age.Reader(file, age.identity_key(secret)) as reader:
        assert reader.read(10) == bytes(10)
    assert not file.closed


class Zeros(io.RawIOBase):
    """Counts what is written to it and keeps nothing."""

    size = 0

    def write(self, data: object) -> int:
        given = len(data)  # type: ignore[arg-type]  # bytes, from the library
        self.size += given
        return given


@pytest.mark.urs("URS-BAK-030")
def test_memory_stays_flat_whatever_the_size() -> None:
    sink = Zeros()
    tracemalloc.start()
    try:
        writer = age.Writer(sink, [age.new_identity()[1]])  # type: ignore[arg-type]  # a raw file
        for _ in range(512):
            writer.write(bytes(age.PIECE))
        writer.finish()
        _now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert sink.size > 512 * age.PIECE
    assert peak < 4 << 20
