"""RFC 6733 sections 3, 4 and 7.5: framing, AVP headers, values, and what is said about broken ones."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import pytest
from tests.diameter import build
from tests.diameter.build import avp, u64

from tollhouse.diameter import codec, names
from tollhouse.diameter.codec import DiameterError, frame_length, salvage, scan
from tollhouse.diameter.dictionary import Dictionary, DictionaryError, load_dictionary

REQUEST = build.ccr(
    1,
    0,
    build.subscription(0, "46700000001"),
    build.mscc(build.rsu(avp(420, 60)), build.usu(u64(421, 5)), avp(432, 100)),
    build.ims("tel:+4420"),
)


def test_values_come_back_as_they_were_written(dictionary: Dictionary) -> None:
    avps = scan(REQUEST, dictionary.lengths)
    assert avps.text(names.SESSION_ID) == "pgw.example.org;1;2"
    assert avps.unsigned32(names.CC_REQUEST_TYPE) == 1
    service = avps.group(names.MULTIPLE_SERVICES_CREDIT_CONTROL)
    assert service is not None
    units = service.group(names.USED_SERVICE_UNIT)
    assert units is not None
    assert units.unsigned64(names.CC_TOTAL_OCTETS) == 5
    assert avps.unsigned32(names.ORIGIN_STATE_ID) is None
    assert avps.group(names.FAILED_AVP) is None


@pytest.mark.parametrize(
    ("written", "by_hand"),
    [
        (codec.text_avp(names.SESSION_ID, "abcde"), avp(263, "abcde")),
        (codec.unsigned32_avp(names.RESULT_CODE, 2001), avp(268, 2001)),
        (codec.unsigned64_avp(names.CC_TOTAL_OCTETS, 2**64 - 1), u64(421, 2**64 - 1)),
        (codec.text_avp(names.PRODUCT_NAME, "x", mandatory=False), avp(269, "x", flags=0)),
        (codec.octets_avp(names.CALLED_PARTY_ADDRESS, b"tel:1"), avp(832, b"tel:1", build.TGPP)),
        (codec.integer32_avp(names.EXPONENT, -6), avp(429, b"\xff\xff\xff\xfa")),
        (
            codec.group_avp(names.UNIT_VALUE, codec.integer64_avp(names.VALUE_DIGITS, -1)),
            avp(445, avp(447, b"\xff" * 8)),
        ),
    ],
)
def test_encoding(written: bytes, by_hand: bytes) -> None:
    assert written == by_hand


def test_frame_length_byte_by_byte_and_with_trailing_bytes() -> None:
    assert [frame_length(REQUEST[:size], 0) for size in range(20)] == [0] * 20
    assert all(frame_length(REQUEST[:size], 0) == len(REQUEST) for size in range(20, len(REQUEST)))
    assert frame_length(b"junk" + REQUEST + b"tail", 4) == len(REQUEST)


@pytest.mark.parametrize(
    ("word", "result"),
    [(2 << 24 | 20, 5011), (1 << 24 | 16, 5015), (1 << 24 | 22, 5015), (1 << 24 | 65_540, 5015), (0, 5011)],
)
def test_frames_that_cannot_be(word: int, result: int) -> None:
    with pytest.raises(DiameterError) as caught:
        frame_length(struct.pack("!I", word) + bytes(16), 0)
    assert caught.value.result == result


NESTED = struct.pack("!II", 456, 0x40 << 24 | 8)


@pytest.mark.parametrize(
    ("body", "result", "failed"),
    [
        pytest.param(avp(263, "x")[:-4] + b"\0\0\0\0\1", 5014, b"", id="a header that is cut"),
        pytest.param(struct.pack("!II", 263, 0x40000007), 5014, struct.pack("!II", 263, 0x40000008), id="length 7"),
        pytest.param(
            struct.pack("!III", 832, 0xC000000B, 10415),
            5014,
            struct.pack("!III", 832, 0xC000000C, 10415),
            id="length 11 with a vendor",
        ),
        pytest.param(struct.pack("!II", 263, 0x40000010), 5014, struct.pack("!II", 263, 0x40000008), id="past the end"),
        pytest.param(avp(416, b"\0\1"), 5014, avp(416, 0), id="two octets for an Enumerated"),
        pytest.param(avp(4095, "what"), 5001, avp(4095, "what"), id="unknown with M"),
        pytest.param(avp(416, 1, vendor=9), 5001, avp(416, 1, vendor=9), id="a known code of another vendor"),
        pytest.param(avp(4095, "what", flags=0), None, b"", id="unknown without M"),
        pytest.param(avp(1016, b"\0\0", build.TGPP), None, b"", id="known to the dictionary, never read"),
        pytest.param(avp(416, 1, flags=0x7F), None, b"", id="reserved flags"),
    ],
)
def test_avps_that_cannot_be(body: bytes, result: int | None, failed: bytes, dictionary: Dictionary) -> None:
    raw = bytes(20) + body
    if result is None:
        scan(raw, dictionary.lengths)
        return
    with pytest.raises(DiameterError) as caught:
        scan(raw, dictionary.lengths)
    assert caught.value.result == result
    assert caught.value.failed == failed or not failed


def test_failed_avp_holds_the_chain_of_groups(dictionary: Dictionary) -> None:
    """RFC 6733 7.5: a nested AVP is shown inside the groups that lead to it."""
    bad = avp(4095, "xy")
    raw = bytes(20) + build.mscc(avp(432, 1), build.rsu(avp(420, 1), bad))
    service = scan(raw, dictionary.lengths).group(names.MULTIPLE_SERVICES_CREDIT_CONTROL)
    assert service is not None
    with pytest.raises(DiameterError) as caught:
        service.group(names.REQUESTED_SERVICE_UNIT)
    assert caught.value.failed == build.mscc(build.rsu(bad))


def test_a_sample_stands_for_what_is_missing(dictionary: Dictionary) -> None:
    avps = scan(bytes(20), dictionary.lengths)
    assert avps.missing(names.SERVICE_INFORMATION, names.IMS_INFORMATION).failed == avp(
        873, avp(876, bytes(4), build.TGPP), build.TGPP
    )


def test_a_text_must_be_utf8(dictionary: Dictionary) -> None:
    avps = scan(bytes(20) + avp(263, b"\xff\xfe"), dictionary.lengths)
    with pytest.raises(DiameterError) as caught:
        avps.text(names.SESSION_ID)
    assert caught.value.result == 5004


def test_random_bytes_raise_nothing_but_the_codecs_own_error(dictionary: Dictionary) -> None:
    dice = random.Random(6733)
    for _ in range(20_000):
        raw = bytearray(REQUEST if dice.random() < 0.8 else dice.randbytes(dice.randrange(20, 120)))
        for _ in range(dice.randrange(1, 6)):
            raw[dice.randrange(len(raw))] = dice.randrange(256)
        raw = raw[: dice.randrange(20, len(raw) + 1)]
        salvage(bytes(raw))
        result = 5001
        try:
            frame_length(bytes(raw), 0)
            avps = scan(bytes(raw), dictionary.lengths)
            for key in (names.MULTIPLE_SERVICES_CREDIT_CONTROL, names.SUBSCRIPTION_ID, names.SERVICE_INFORMATION):
                avps.group(key)
            avps.text(names.SESSION_ID)
            avps.unsigned32(names.CC_REQUEST_TYPE)
        except DiameterError as error:
            result = error.result
            build.avps(error.failed)
        assert result in (5001, 5004, 5011, 5014, 5015)


def test_the_code_and_the_dictionary_agree_on_every_number(dictionary: Dictionary) -> None:
    """`names.CC_REQUEST_TYPE` is what the dictionary calls CC-Request-Type, and so on for each of them."""
    by_name = {name.upper().replace("-", "_"): key for name, key in dictionary.keys.items()}
    skipped = {"BASE", "CREDIT_CONTROL", "RELAY", "IETF", "TGPP", "ETSI", "CER", "CCR", "DWR", "DPR"}
    skipped |= {"REQUEST", "PROXIABLE", "ERROR", "RETRANSMITTED", "RESERVED"}
    ours = {name: value for name, value in vars(names).items() if isinstance(value, int) and name not in skipped}
    assert ours == {name: by_name[name] for name in ours}
    assert len(ours) > 50


@pytest.mark.parametrize(
    "text", ['[avps]\nX = ["a", "Grouped"]', '[avps]\nX = [1, "Nonsense"]', "[avps", "", "[avps]\nX = [1]"]
)
def test_a_dictionary_that_makes_no_sense_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_text(text)
    with pytest.raises(DictionaryError):
        load_dictionary(tmp_path)
