"""The NATS streams of the demo host: made as the API container makes them, then given a backlog of ten days."""
import base64
import glob
import json
import os
import random
import subprocess
import time
import uuid

import backlog
from natswire import Nats

HOUR_NS = 3600 * 10**9
# Messages, and over how many hours they came.
STREAMS = {
    "txs_to_send": (1500, 240),
    "txs_to_observe": (1200, 240),
    "txs_batch_start": (300, 200),
    "txs_batch_finish": (300, 200),
    "txs_batch_validation_v2": (250, 150),
    "txs_batch_start_v2": (250, 150),
    "txs_batch_poc_batch": (150, 90),
    "txs_batch_poc_validation": (150, 20),
}
CONSUMERS = {"txs_to_send": "tx-sender", "txs_to_observe": "tx-observer"}
WAITING = 12  # the newest messages, which the API container has not worked off yet


class Server:
    """A nats-server with JetStream on the loopback (port -1: a free one), storing into a folder.

    `options` are more words of its command line.
    """

    def __init__(self, store, port=-1, log=os.devnull, program=None, options=()):
        self.store = store
        os.makedirs(store, exist_ok=True)
        for path in glob.glob(os.path.join(glob.escape(store), "*.ports")):
            os.unlink(path)
        program = program or os.environ.get("NATS_SERVER", "nats-server")
        path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
        with open(log, "ab") as out:
            self.process = subprocess.Popen(
                [program, "-a", "127.0.0.1", "-p", str(port), "-js", "-sd", store, "--ports_file_dir", store, *options],
                stdout=out, stderr=out, env={**os.environ, "PATH": path})
        try:
            self.port = self._wait_port()
        except BaseException:
            self.end()
            raise

    def _wait_port(self, deadline_s=30):
        until = time.monotonic() + deadline_s
        while time.monotonic() < until:
            if self.process.poll() is not None:
                raise RuntimeError(f"nats-server ended with status {self.process.returncode}")
            for path in glob.glob(os.path.join(glob.escape(self.store), "*.ports")):
                try:
                    with open(path, encoding="ascii") as file:
                        return int(json.load(file)["nats"][0].rsplit(":", 1)[1])
                except (ValueError, OSError):
                    pass  # still being written
            time.sleep(0.01)
        raise RuntimeError("nats-server told no port")

    def end(self):
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(30)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()


def message(stream, chance):
    """One message, in the form that the API container writes."""
    inner = {"Id": str(uuid.UUID(int=chance.getrandbits(128))),
             "RawTx": base64.b64encode(chance.randbytes(chance.randrange(180, 420))).decode(), "TxHash": "",
             "Timeout": "2025-11-20T00:00:00Z"}
    return json.dumps(inner if stream == "txs_to_observe" else {"TxInfo": inner, "Sent": False}).encode()


def create(port, streams=None):
    """The streams as the API container creates them (file storage, no limits), their messages and consumers."""
    chance = random.Random(20251120)
    with Nats(port) as nats:
        for name, (count, _) in (streams or STREAMS).items():
            nats.ask(f"$JS.API.STREAM.CREATE.{name}", {"name": name, "subjects": [name], "storage": "file"})
            nats.publish_all(name, (message(name, chance) for _ in range(count)))
            durable = CONSUMERS.get(name, "batch-worker")
            nats.ask(f"$JS.API.CONSUMER.DURABLE.CREATE.{name}.{durable}", {"stream_name": name, "config": {
                "durable_name": durable, "ack_policy": "explicit", "deliver_subject": f"_DELIVER.{durable}.{name}",
                "deliver_policy": "by_start_sequence", "opt_start_seq": count - WAITING + 1}})


def age(store, streams=None):
    """Spreads the messages over the hours before now; the server of that store must not be running."""
    now = time.time_ns()
    for name, (count, hours) in (streams or STREAMS).items():
        step = hours * HOUR_NS // count
        backlog.age_stream(store, name, lambda sequence, step=step, count=count: now - (count + 1 - sequence) * step)


def build(store):
    """Streams with a backlog, in the store of a server that does not run yet."""
    with Server(store) as server:
        create(server.port)
    age(store)


def look(port):
    """What a server holds, by stream."""
    found = {}
    with Nats(port) as nats:
        for name in STREAMS:
            info = nats.ask(f"$JS.API.STREAM.INFO.{name}")
            found[name] = {"messages": info["state"]["messages"], "bytes": info["state"]["bytes"],
                           "first": info["state"]["first_ts"], "max_age_ns": info["config"].get("max_age", 0)}
    return found
