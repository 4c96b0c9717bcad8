"""A peer of CometBFT's network as far as its first words: the secret connection and what a node says of itself.

Written from the protocol's description, apart from the plugin's own code; python3-cryptography does the arithmetic.
`wrong` makes one thing of it bad: "signature", "seal", "key", "info", "long" and "empty" (sizes of frames), "garbage",
"early" (hangs up at once), "silent".
"""
import hashlib
import socket
import struct
import threading

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519, x25519
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

MASK = (1 << 64) - 1


def turned(lane, by):
    by %= 64
    return ((lane << by) | (lane >> (64 - by))) & MASK if by else lane


def keccak(state):
    """Keccak-f[1600] of 200 bytes, written as its specification has it."""
    lanes = [[int.from_bytes(state[8 * (x + 5 * y):8 * (x + 5 * y) + 8], "little") for y in range(5)] for x in range(5)]
    register = 1
    for _ in range(24):
        column = [lanes[x][0] ^ lanes[x][1] ^ lanes[x][2] ^ lanes[x][3] ^ lanes[x][4] for x in range(5)]
        lanes = [[lanes[x][y] ^ column[(x + 4) % 5] ^ turned(column[(x + 1) % 5], 1) for y in range(5)]
                 for x in range(5)]
        x, y, kept = 1, 0, lanes[1][0]
        for t in range(24):
            x, y = y, (2 * x + 3 * y) % 5
            kept, lanes[x][y] = lanes[x][y], turned(kept, (t + 1) * (t + 2) // 2)
        lanes = [[lanes[x][y] ^ (~lanes[(x + 1) % 5][y] & lanes[(x + 2) % 5][y]) for y in range(5)] for x in range(5)]
        for j in range(7):
            register = ((register << 1) ^ ((register >> 7) * 0x71)) % 256
            if register & 2:
                lanes[0][0] ^= 1 << ((1 << j) - 1)
    return bytearray(b"".join(lanes[x][y].to_bytes(8, "little") for y in range(5) for x in range(5)))


class Transcript:
    """Merlin on STROBE-128."""

    def __init__(self, label):
        self.state = keccak(bytearray(bytes([1, 168, 1, 0, 1, 96]) + b"STROBEv1.0.2" + bytes(182)))
        self.at, self.begun = 0, 0
        self.operate(0x12, b"Merlin v1.0")
        self.append(b"dom-sep", label)

    def permute(self):
        for place, value in ((self.at, self.begun), (self.at + 1, 4), (167, 0x80)):
            self.state[place] ^= value
        self.state, self.at, self.begun = keccak(self.state), 0, 0

    def put(self, data):
        for byte in data:
            self.state[self.at] ^= byte
            self.at += 1
            if self.at == 166:
                self.permute()

    def operate(self, flags, data):
        before, self.begun = self.begun, self.at + 1
        self.put(bytes([before, flags]))
        self.put(data)

    def append(self, label, data):
        self.operate(0x12, label + struct.pack("<I", len(data)))
        self.operate(0x02, data)

    def challenge(self, label):
        self.operate(0x12, label + struct.pack("<I", 32))
        self.operate(0x07, b"")
        if self.at:
            self.permute()
        return bytes(self.state[:32])


def raw(key):
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def field(number, data):
    """A protobuf field of bytes; short ones only."""
    return bytes([number << 3 | 2, len(data)]) + data


class Peer:
    """Listens; answers each connection in a thread of its own. As a context manager it is ended at the end."""

    def __init__(self, network="gonka-mainnet", wrong="", host="127.0.0.1"):
        self.key = ed25519.Ed25519PrivateKey.generate()
        self.node_id = hashlib.sha256(raw(self.key.public_key())).hexdigest()[:40]
        self.network, self.wrong, self.host = network, wrong, host
        self.socket = socket.create_server((host, 0))
        self.port = self.socket.getsockname()[1]
        self.open = []
        self.proven = threading.Event()  # the other side proved its id, too
        threading.Thread(target=self.accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_what):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        for connection in self.open:
            connection.close()

    def accept(self):
        while True:
            try:
                connection = self.socket.accept()[0]
            except OSError:
                return
            self.open.append(connection)
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        try:
            if self.wrong == "early":
                connection.close()
            elif self.wrong == "garbage":
                connection.sendall(b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3 and more\r\n" * 60)
            elif self.wrong != "silent":
                self.greet(connection)
        except (OSError, AssertionError):
            connection.close()

    def greet(self, connection):
        own = x25519.X25519PrivateKey.generate()
        public = bytes(32) if self.wrong == "key" else raw(own.public_key())
        connection.sendall(b"\x22" + field(1, public))
        message = receive(connection, 35)
        assert message[:3] == b"\x22\x0a\x20"
        theirs = message[3:]
        shared = own.exchange(x25519.X25519PublicKey.from_public_bytes(theirs))
        lower, upper = sorted((public, theirs))
        transcript = Transcript(b"TENDERMINT_SECRET_CONNECTION_TRANSCRIPT_HASH")
        transcript.append(b"EPHEMERAL_LOWER_PUBLIC_KEY", lower)
        transcript.append(b"EPHEMERAL_UPPER_PUBLIC_KEY", upper)
        transcript.append(b"DH_SECRET", shared)
        challenge = transcript.challenge(b"SECRET_CONNECTION_MAC")
        keys = HKDF(hashes.SHA256(), 64, None, b"TENDERMINT_SECRET_CONNECTION_KEY_AND_CHALLENGE_GEN").derive(shared)
        first, second = ChaCha20Poly1305(keys[:32]), ChaCha20Poly1305(keys[32:])
        inward, outward = (first, second) if public == lower else (second, first)
        self.tell(connection, outward, challenge)
        self.check(inward.decrypt(bytes(12), receive(connection, 1044), None), challenge)

    def tell(self, connection, outward, challenge):
        """The proof, then what it says of itself, in frames."""
        signed = bytes(32) if self.wrong == "signature" else challenge
        proof = field(1, field(1, raw(self.key.public_key()))) + field(2, self.key.sign(signed))
        lie = {"long": 4000, "empty": 0}.get(self.wrong)
        connection.sendall(sealed(outward, 0, bytes([len(proof)]) + proof, spoil=self.wrong == "seal", size=lie))
        info = b"\x0a\x04\x08\x08\x10\x0b" + field(2, self.node_id.encode()) + field(3, b"tcp://0.0.0.0:26656")
        info += field(4, self.network.encode()) + field(5, b"0.38.17") + field(7, b"a peer")
        if self.wrong == "info":
            info = b"\xff" * 100
        connection.sendall(sealed(outward, 1, bytes([len(info) & 0x7f | 0x80, len(info) >> 7]) + info))

    def check(self, frame, challenge):
        """A node hangs up on one who cannot prove who it is."""
        size = struct.unpack("<I", frame[:4])[0]
        proof = frame[4:4 + size]
        assert proof[:5] == b"\x66\x0a\x22\x0a\x20" and proof[37:39] == b"\x12\x40"
        ed25519.Ed25519PublicKey.from_public_bytes(proof[5:37]).verify(proof[39:], challenge)
        self.proven.set()


def sealed(cipher, number, data, spoil=False, size=None):
    """A frame; `size` is claimed instead of the data's."""
    head = struct.pack("<I", len(data) if size is None else size)
    frame = cipher.encrypt(bytes(4) + struct.pack("<Q", number), head + data.ljust(1024, b"\0"), None)
    return bytes([frame[0] ^ 1]) + frame[1:] if spoil else frame


def receive(connection, size):
    data = b""
    while len(data) < size:
        more = connection.recv(size - len(data))
        assert more, "the other side hung up"
        data += more
    return data
