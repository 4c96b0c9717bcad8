#!/usr/bin/python3
"""Logins of a nats-server by JWT, made by hand as nsc makes them: one folder is its argument.

Writes there auth.conf, for the server (an operator, accounts in a memory resolver), and the credentials files:

  host.creds        a user of the account HOST, which has JetStream
  bare.creds        a user of the account BARE, which the server knows and gives no JetStream
  stranger.creds    a user of an account of the same operator that the server was not told of
  wrong-seed.creds  host.creds with the seed of another user
  forged.creds      a user of HOST whose JWT another account signed
  expired.creds     a user of HOST whose time is over

Needs the openssl command and nothing else.
"""
import base64
import json
import os
import subprocess
import sys
import tempfile
import time

OPERATOR, ACCOUNT, USER, SEED = 14 << 3, 0, 20 << 3, 18 << 3  # the first letter of the text: O, A, U, S
PKCS8_ED25519 = bytes.fromhex("302e020100300506032b657004220420")  # what stands before the key in its file
NO_LIMITS = {"subs": -1, "data": -1, "payload": -1}
ACCOUNT_LIMITS = {**NO_LIMITS, "imports": -1, "exports": -1, "wildcards": True, "conn": -1, "leaf": -1}
JETSTREAM = {"mem_storage": -1, "disk_storage": -1, "streams": -1, "consumer": -1}
CREDS = """-----BEGIN NATS USER JWT-----
{jwt}
------END NATS USER JWT------

************************* IMPORTANT *************************
NKEY Seed printed below can be used to sign and prove identity.
NKEYs are sensitive and should be treated as secrets.

-----BEGIN USER NKEY SEED-----
{seed}
------END USER NKEY SEED------

*************************************************************
"""


def openssl(*arguments):
    return subprocess.run(["openssl", *arguments], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE).stdout


def crc16(data):
    """CRC-16/XMODEM, the checksum of nkeys."""
    crc = 0
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xffff
    return crc


def nkey_text(prefix, key):
    raw = bytes(prefix) + key
    return base64.b32encode(raw + crc16(raw).to_bytes(2, "little")).decode("ascii").rstrip("=")


def base64url(data):
    return base64.urlsafe_b64encode(data).decode("ascii").rstrip("=")


class Key:
    """An Ed25519 key pair of one kind."""

    def __init__(self, folder, kind):
        self.folder = folder
        handle, self.path = tempfile.mkstemp(suffix=".key", dir=folder)
        os.close(handle)
        openssl("genpkey", "-algorithm", "ed25519", "-out", self.path)
        private = openssl("pkey", "-in", self.path, "-outform", "DER")[-32:]
        public = openssl("pkey", "-in", self.path, "-pubout", "-outform", "DER")[-32:]
        self.public = nkey_text([kind], public)
        self.seed = nkey_text([SEED | kind >> 5, (kind & 31) << 3], private)

    def sign(self, data):
        with tempfile.NamedTemporaryFile(dir=self.folder) as file:
            file.write(data)
            file.flush()
            return openssl("pkeyutl", "-sign", "-inkey", self.path, "-rawin", "-in", file.name)

    def jwt(self, subject, name, nats, **more):
        claims = {"jti": subject.public, "iat": int(time.time()) - 60, "iss": self.public, "name": name,
                  "sub": subject.public, "nats": {**nats, "version": 2}, **more}
        signed = ".".join(base64url(json.dumps(part, separators=(",", ":")).encode("utf-8"))
                          for part in ({"typ": "JWT", "alg": "ed25519-nkey"}, claims))
        return signed + "." + base64url(self.sign(signed.encode("ascii")))


def login(folder, name):
    """For natswire.Nats: logs in with a credentials file of the folder."""
    with open(os.path.join(folder, f"{name}.creds"), encoding="ascii") as file:
        lines = file.read().split("\n")
    jwt, seed = lines[1], next(line for line in lines if line.startswith("SU"))
    private = base64.b32decode(seed + "=" * (-len(seed) % 8))[2:34]

    def sign(server):
        with tempfile.TemporaryDirectory() as keys:
            write(keys, "nonce", server["nonce"])
            with open(os.path.join(keys, "key"), "wb") as file:
                file.write(PKCS8_ED25519 + private)
            signature = openssl("pkeyutl", "-sign", "-keyform", "DER", "-inkey", file.name, "-rawin", "-in",
                                os.path.join(keys, "nonce"))
        return {"jwt": jwt, "sig": base64url(signature)}

    return sign


def write(folder, name, text):
    with open(os.path.join(folder, name), "w", encoding="ascii",
              opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
        file.write(text)


def make(folder):
    """All of it; gives nothing back."""
    with tempfile.TemporaryDirectory() as keys:
        operator = Key(keys, OPERATOR)
        system, host, bare, stranger = (Key(keys, ACCOUNT) for _ in range(4))
        user, other = Key(keys, USER), Key(keys, USER)
        accounts = {
            system.public: operator.jwt(system, "SYS", {"type": "account", "limits": ACCOUNT_LIMITS}),
            host.public: operator.jwt(host, "HOST", {"type": "account",
                                                      "limits": {**ACCOUNT_LIMITS, **JETSTREAM}}),
            bare.public: operator.jwt(bare, "BARE", {"type": "account", "limits": ACCOUNT_LIMITS}),
        }
        preload = "".join(f"  {name}: {jwt}\n" for name, jwt in accounts.items())
        write(folder, "auth.conf", f"operator: {operator.jwt(operator, 'OPERATOR', {'type': 'operator'})}\n"
                                   f"system_account: {system.public}\nresolver: MEMORY\n"
                                   f"resolver_preload: {{\n{preload}}}\n")
        rights = {"type": "user", "pub": {}, "sub": {}, **NO_LIMITS}
        good = host.jwt(user, "host", rights)
        forged = stranger.jwt(user, "host", {**rights, "issuer_account": host.public})
        expired = host.jwt(user, "host", rights, exp=int(time.time()) - 30)
        for name, jwt, seed in (("host", good, user.seed), ("bare", bare.jwt(user, "bare", rights), user.seed),
                                ("stranger", stranger.jwt(user, "stranger", rights), user.seed),
                                ("wrong-seed", good, other.seed), ("forged", forged, user.seed),
                                ("expired", expired, user.seed)):
            write(folder, f"{name}.creds", CREDS.format(jwt=jwt, seed=seed))


if __name__ == "__main__":
    make(sys.argv[1])
