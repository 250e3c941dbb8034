"""Frames between host and guest."""

from __future__ import annotations

import pytest

from lab.guest_side.framing import Decoder, encode, pack, unpack


def test_a_frame_survives_the_way() -> None:
    """What one end encodes is what the other decodes, odd characters included."""
    frame = {"op": "run", "id": 3, "command": "echo 'ä\n\u2028'"}

    assert [frame] == Decoder().feed(encode(frame))


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_frames_are_found_however_the_stream_is_cut(size: int) -> None:
    """Frames come out whole and in order whatever pieces the stream arrives in."""
    frames = [{"id": number, "data": "x" * number} for number in range(40)]
    stream = b"".join(encode(frame) for frame in frames)
    decoder = Decoder()

    found = [frame for at in range(0, len(stream), size) for frame in decoder.feed(stream[at : at + size])]

    assert frames == found


@pytest.mark.parametrize("rest", [b'"data":"abc"}\n', b"\xff\xfe\n", b"[1]\n", b"17\n", b"\n"])
def test_the_rest_of_a_predecessors_frame_is_dropped(rest: bytes) -> None:
    """A line that is no object leaves no trace, and the frame after it counts."""
    assert [{"op": "hello"}] == Decoder().feed(rest + encode({"op": "hello"}))


def test_any_bytes_fit_into_a_frame() -> None:
    """Output need not be text."""
    data = bytes(range(256))

    (frame,) = Decoder().feed(encode({"data": pack(data)}))

    assert data == unpack(frame["data"])
