"""Gives the messages of a stopped JetStream server an earlier time.

A server stamps messages with the moment they arrive, so a demo's backlog would always be seconds old. Here the time of
each message is rewritten in the files of a server that is not running, with the checksum that the server expects
(HighwayHash-64, keyed by stream and block), and what the server derives from the messages is removed, so that it reads
them anew. Before anything is written the old checksum is recomputed: a format that differs is refused, not guessed.
"""
import glob
import hashlib
import os
import struct

M64 = (1 << 64) - 1
M32 = (1 << 32) - 1
MUL0 = (0xdbe6d5d5fe4cce2f, 0xa4093822299f31d0, 0x13198a2e03707344, 0x243f6a8885a308d3)
MUL1 = (0x3bd39e10cb0ef593, 0xc0acf169b5f18a8c, 0xbe5466cf34e90c6c, 0x452821e638d01377)
HEAD = struct.Struct("<IQqH")  # length, sequence, time, length of the subject
HAS_HEADERS = 1 << 31


def _zipper0(high, low):
    return ((((low & 0xff000000) | (high & 0xff00000000)) >> 24)
            | (((low & 0xff0000000000) | (high & 0xff000000000000)) >> 16) | (low & 0xff0000) | ((low & 0xff00) << 32)
            | ((high & 0xff00000000000000) >> 8) | ((low << 56) & M64))


def _zipper1(high, low):
    return ((((high & 0xff000000) | (low & 0xff00000000)) >> 24) | (high & 0xff0000) | ((high & 0xff0000000000) >> 16)
            | ((high & 0xff00) << 24) | ((low & 0xff000000000000) >> 8) | ((high & 0xff) << 48)
            | (low & 0xff00000000000000))


def _swap(word):
    return (word >> 32) | ((word << 32) & M64)


def _update(state, lanes):
    v0, v1, mul0, mul1 = state
    for i in range(4):
        v1[i] = (v1[i] + mul0[i] + lanes[i]) & M64
        mul0[i] ^= (v1[i] & M32) * (v0[i] >> 32)
        v0[i] = (v0[i] + mul1[i]) & M64
        mul1[i] ^= (v0[i] & M32) * (v1[i] >> 32)
    for to, source in ((v0, v1), (v1, v0)):
        for i in (0, 2):
            high, low = source[i + 1], source[i]
            to[i] = (to[i] + _zipper0(high, low)) & M64
            to[i + 1] = (to[i + 1] + _zipper1(high, low)) & M64


def _rest(state, data):
    """The last bytes, fewer than 32."""
    size = len(data)
    packet = bytearray(32)
    whole, odd = size & ~3, size & 3
    for i in range(4):
        state[0][i] = (state[0][i] + (size << 32) + size) & M64
        halves = [(half << size | half >> (32 - size)) & M32 for half in (state[1][i] & M32, state[1][i] >> 32)]
        state[1][i] = halves[1] << 32 | halves[0]
    packet[:whole] = data[:whole]
    if size & 16:
        packet[28:32] = data[size - 4:size]
    elif odd:
        packet[16:19] = bytes((data[whole], data[whole + (odd >> 1)], data[size - 1]))
    _update(state, struct.unpack("<4Q", packet))


def highwayhash64(key, data):
    """HighwayHash-64 of data under a key of 32 bytes."""
    keys = struct.unpack("<4Q", key)
    state = ([m ^ k for m, k in zip(MUL0, keys)], [m ^ _swap(k) for m, k in zip(MUL1, keys)], list(MUL0), list(MUL1))
    end = len(data) & ~31
    for at in range(0, end, 32):
        _update(state, struct.unpack_from("<4Q", data, at))
    if len(data) > end:
        _rest(state, data[end:])
    for _ in range(4):
        _update(state, tuple(_swap(state[0][i]) for i in (2, 3, 0, 1)))
    return sum(lanes[0] for lanes in state) & M64


def _records(data):
    """Offset and length of each message in a block."""
    at = 0
    while at < len(data):
        length = HEAD.unpack_from(data, at)[0] & ~HAS_HEADERS
        if length < HEAD.size + 8 or at + length > len(data):
            raise ValueError(f"no message at byte {at}")
        yield at, length
        at += length


def _checksum(key, data, at, length):
    subject = HEAD.unpack_from(data, at)[3]
    start = at + HEAD.size
    rest = data[start + subject:at + length - 8]
    if HEAD.unpack_from(data, at)[0] & HAS_HEADERS:
        rest = rest[4:]  # the length of the headers is not part of it
    return highwayhash64(key, bytes(data[at + 4:at + 20]) + bytes(data[start:start + subject]) + bytes(rest))


def age_block(path, stream, time_of):
    """Rewrites the times of one block; time_of(sequence) is in nanoseconds since the epoch."""
    index = int(os.path.basename(path).split(".")[0])
    key = hashlib.sha256(f"{stream}-{index}".encode()).digest()
    with open(path, "rb") as file:
        data = bytearray(file.read())
    for at, length in _records(data):
        if struct.unpack_from("<Q", data, at + length - 8)[0] != _checksum(key, data, at, length):
            raise ValueError(f"{path}: the checksum at byte {at} is not as expected: another format of store?")
        struct.pack_into("<q", data, at + 12, time_of(HEAD.unpack_from(data, at)[1]))
        struct.pack_into("<Q", data, at + length - 8, _checksum(key, data, at, length))
    with open(path, "wb") as file:
        file.write(data)


def age_stream(store, stream, time_of):
    """Rewrites the times of all messages of a stream, in the store of a server that is not running."""
    folder = os.path.join(store, "jetstream", "$G", "streams", stream, "msgs")
    blocks = glob.glob(os.path.join(glob.escape(folder), "*.blk"))
    if not blocks:
        raise ValueError(f"{folder}: no messages here")
    for path in blocks:
        age_block(path, stream, time_of)
    for path in glob.glob(os.path.join(glob.escape(folder), "*")):
        if not path.endswith(".blk"):
            os.unlink(path)
