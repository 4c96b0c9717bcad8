"""Keys and addresses of the simulated chain: bech32 as in BIP-173, and the three forms of one account."""
import base64
import hashlib

LETTERS = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


def checksum(values):
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            check ^= generator if top >> bit & 1 else 0
    return check


def bech32(prefix, data):
    """The bytes in data as an address with this prefix."""
    bits = "".join(f"{byte:08b}" for byte in data)
    bits += "0" * (-len(bits) % 5)
    words = [int(bits[at:at + 5], 2) for at in range(0, len(bits), 5)]
    high = [ord(letter) >> 5 for letter in prefix] + [0] + [ord(letter) & 31 for letter in prefix]
    check = checksum(high + words + [0] * 6) ^ 1
    return prefix + "1" + "".join(LETTERS[word] for word in words + [check >> 5 * (5 - at) & 31 for at in range(6)])


def payload(address):
    """(prefix, bytes) of an address; ValueError for a wrong one."""
    prefix, mark, rest = address.rpartition("1")
    if not mark or not prefix or len(rest) < 6 or any(letter not in LETTERS for letter in rest):
        raise ValueError(f"decoding bech32 failed: invalid separator or character in {address}")
    words = [LETTERS.index(letter) for letter in rest]
    high = [ord(letter) >> 5 for letter in prefix] + [0] + [ord(letter) & 31 for letter in prefix]
    if checksum(high + words) != 1:
        raise ValueError(f"decoding bech32 failed: invalid checksum in {address}")
    bits = "".join(f"{word:05b}" for word in words[:-6])
    return prefix, bytes(int(bits[at:at + 8], 2) for at in range(0, len(bits) - 7, 8))


def made_of(words, length):
    """Bytes that look random and are the same for the same words."""
    return hashlib.shake_256(words.encode()).digest(length)


class ConsensusKey:
    """An ed25519 public key with its consensus address."""

    def __init__(self, key64):
        self.key = key64
        digest = hashlib.sha256(base64.b64decode(key64)).digest()[:20]
        self.hex = digest.hex().upper()
        self.valcons = bech32("gonkavalcons", digest)


def account(words):
    """(account, operator) addresses of one made-up key."""
    return both_forms(made_of("account " + words, 20))


def both_forms(data):
    return bech32("gonka", data), bech32("gonkavaloper", data)


def module_account(name):
    return bech32("gonka", hashlib.sha256(name.encode()).digest()[:20])


def consensus_key(words):
    """A made-up ed25519 public key in base64."""
    return base64.b64encode(made_of("consensus " + words, 32)).decode()
