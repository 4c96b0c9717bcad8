"""The deploy directory of the demo host: what `docker compose` and cosmovisor leave on a disk after half a year."""
import datetime
import json
import os
import shutil
import time

GIB = 1 << 30
DAY_S = 86400
COMPOSE = """services:
  tmkms:
    image: ghcr.io/product-science/tmkms-softsign-with-keygen:0.2.5
    volumes: [".tmkms:/root/.tmkms"]
  node:
    image: ghcr.io/product-science/inferenced:0.2.5
    volumes: [".inference:/root/.inference"]
    ports: ["5000:26656"]
  api:
    image: ghcr.io/product-science/api:0.2.5
    volumes: [".inference:/root/.inference", ".dapi:/root/.dapi"]
    ports: ["127.0.0.1:9100:9100", "127.0.0.1:9200:9200"]
  proxy:
    image: ghcr.io/product-science/proxy:0.2.5
    ports: ["${API_PORT:-8000}:80"]
"""
ENV = """export KEY_NAME=demo-host
export KEYRING_PASSWORD=not-a-real-password
export API_PORT=8000
export PUBLIC_URL=http://192.0.2.10:8000
export P2P_EXTERNAL_ADDRESS=tcp://192.0.2.10:5000
export NODE_CONFIG=./node-config.json
export SEED_API_URL=http://127.0.0.1:1
export SEED_NODE_RPC_URL=http://127.0.0.1:1/chain-rpc
export SEED_NODE_P2P_URL=tcp://127.0.0.1:1
"""
CONFIG = """# CometBFT
proxy_app = "tcp://127.0.0.1:26658"

[p2p]
laddr = "tcp://0.0.0.0:26656"
# Comma separated list of seed nodes to connect to
seeds = "abababababababababababababababababababab@127.0.0.1:1"
persistent_peers = ""
"""
CHAIN_DATABASES = {"application.db": 100 * GIB, "blockstore.db": 30 * GIB, "state.db": 8 * GIB, "tx_index.db": 12 * GIB}


def write(path, data, size=0):
    """A file with these bytes; with a size larger than they are, the rest is a hole that takes no room."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as out:
        out.write(data if isinstance(data, bytes) else data.encode())
        if size > out.tell():
            out.truncate(size)


def database(folder, size):
    """A folder as goleveldb leaves it: CURRENT names the MANIFEST. 256 KiB of it are real, the rest is a hole."""
    write(os.path.join(folder, "CURRENT"), "MANIFEST-000042\n")
    write(os.path.join(folder, "MANIFEST-000042"), os.urandom(4096))
    write(os.path.join(folder, "000123.ldb"), os.urandom(256 << 10), size)


def chain_data(folder, share=1.0):
    """What the node keeps in data/; earlier copies have a smaller share of it."""
    for name, size in CHAIN_DATABASES.items():
        database(os.path.join(folder, name), int(size * share))
    write(os.path.join(folder, "cs.wal", "wal"), os.urandom(8192))
    os.makedirs(os.path.join(folder, "snapshots", "1509000"))
    write(os.path.join(folder, "priv_validator_state.json"), '{"height":"1501000","round":0,"step":3}\n')


def api_data(folder, share=1.0):
    """The API container's data/."""
    database(os.path.join(folder, "payloads.db"), int(2 * GIB * share))


def stamp(path, when):
    """Sets the time of everything at and below a path."""
    for folder, _, names in os.walk(path, topdown=False):
        for name in names:
            os.utime(os.path.join(folder, name), (when, when), follow_symlinks=False)
        os.utime(folder, (when, when))


def date_name(when):
    """As cosmovisor writes it: UTC, no zero padding."""
    day = datetime.datetime.fromtimestamp(when, datetime.timezone.utc)
    return f"data-backup-{day.year}-{day.month}-{day.day}"


def copy(home, fill, days_ago, now, suffix="", without=(), emptied=()):
    """One backup folder; `without` and `emptied` make half a one."""
    when = now - days_ago * DAY_S
    folder = os.path.join(home, date_name(when) + suffix)
    fill(folder, 1 - days_ago / 400)
    for name in without:
        shutil.rmtree(os.path.join(folder, name))
    for name in emptied:
        shutil.rmtree(os.path.join(folder, name))
        os.mkdir(os.path.join(folder, name))
    stamp(folder, when)
    return folder


def cosmovisor(home, binary, now):
    """Programs of the genesis and two upgrades; the link was switched after the last upgrade was written down."""
    for where in ("genesis", "upgrades/v0.2.4", "upgrades/v0.2.5"):
        write(os.path.join(home, "cosmovisor", where, "bin", binary), b"\x7fELF", 200 << 20)
    link = os.path.join(home, "cosmovisor", "current")
    os.symlink(os.path.join("/root", os.path.basename(home), "cosmovisor/upgrades/v0.2.5"), link)  # as the container sees it
    info = os.path.join(home, "data", "upgrade-info.json")
    write(info, json.dumps({"name": "v0.2.5", "time": "0001-01-01T00:00:00Z", "height": 1501000, "info": ""}))
    upgrade = now - 12 * DAY_S
    os.utime(info, (upgrade, upgrade))
    os.utime(link, (upgrade + 300, upgrade + 300), follow_symlinks=False)


def odd_ones(home, now):
    """What is no backup, though its name begins like one. All of it must still be there in the end."""
    os.symlink("data", os.path.join(home, date_name(now - 200 * DAY_S)))
    write(os.path.join(home, date_name(now - 201 * DAY_S)), "someone's notes\n")
    for name in (b"data-backup-2025-13-45", b"data-backup-", b"data-backup-\n2025-6-1", b"data-backup-2025-6-\xff"):
        folder = os.path.join(os.fsencode(home), name)
        os.mkdir(folder)
        with open(os.path.join(folder, b"keep-me"), "wb") as out:
            out.write(b"x" * 4096)
    if os.geteuid() == 0:
        foreign = copy(home, chain_data, 150, now)
        for folder, folders, names in os.walk(foreign):
            for name in folders + names:
                os.chown(os.path.join(folder, name), 1000, 1000)
        os.chown(foreign, 1000, 1000)


def make(deploy):
    """Makes the whole directory, which must not exist."""
    now = int(time.time())
    os.umask(0o022)  # a home that others may write to would be refused, and rightly
    os.makedirs(deploy)
    write(os.path.join(deploy, "docker-compose.yml"), COMPOSE)
    write(os.path.join(deploy, "config.env"), ENV)
    os.chmod(os.path.join(deploy, "config.env"), 0o600)
    write(os.path.join(deploy, ".tmkms", "state", "priv_validator_state.json"), "{}")

    node = os.path.join(deploy, ".inference")
    chain_data(os.path.join(node, "data"))
    write(os.path.join(node, "config", "app.toml"), 'pruning = "default"\n')
    write(os.path.join(node, "config", "config.toml"), CONFIG)
    write(os.path.join(node, ".node_initialized"), "")
    cosmovisor(node, "inferenced", now)
    for days_ago in (110, 80, 47, 12):
        copy(node, chain_data, days_ago, now)
    copy(node, chain_data, 47, now, suffix=".old")  # a second upgrade on that day; someone moved the first copy aside
    copy(node, chain_data, 5, now, without=("state.db",))  # the newest of all, and not whole: a full disk cut it short
    copy(node, chain_data, 60, now, emptied=("application.db",))
    odd_ones(node, now)

    api = os.path.join(deploy, ".dapi")
    write(os.path.join(api, "api-config.yaml"), "api:\n    port: 8080\nnats:\n    host: 0.0.0.0\n    port: 4222\n")
    api_data(os.path.join(api, "data"))
    cosmovisor(api, "decentralized-api", now)
    for days_ago in (80, 47, 12):
        copy(api, api_data, days_ago, now)
    copy(api, api_data, 5, now, emptied=("payloads.db",))
