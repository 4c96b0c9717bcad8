"""A worker of the proof of compute that serves, for tests: fixtures, its API, and what is right of what it posts."""
import json
import os
import shutil
import urllib.error
import urllib.request

import pytest
from conftest import PLUGINS, SLOW, children_of, is_zombie, wait_until
from poc_standins import Talker, free_port

HERE = os.path.dirname(__file__)
R_TARGET = 1.39


@pytest.fixture(scope="module")
def tiny():
    with open(os.path.join(HERE, "..", "vectors", "poc", "distances_small.json"), encoding="utf-8") as file:
        return next(vector for vector in json.load(file) if vector["name"] == "tiny")


@pytest.fixture
def receiver():
    """receiver(statuses...) starts what the API container would be."""
    started = []

    def begin(*answers):
        started.append(Talker("poc_receiver.py", *map(str, answers)))
        return started[-1]

    yield begin
    for one in started:
        one.end()


class Worker:
    """The worker's REST API, spoken to as the API container does."""

    def __init__(self, port, daemon):
        self.base = f"http://127.0.0.1:{port}"
        self.daemon = daemon

    def call(self, method, path, body=None):
        """Status and answer. No Content-Type of ours, as there."""
        request = urllib.request.Request(self.base + path, method=method,
                                         data=None if body is None else json.dumps(body).encode())
        try:
            with urllib.request.urlopen(request, timeout=30 * SLOW) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read())

    def up(self):
        try:
            return self.call("GET", "/api/v1/state")[0] == 200
        except (urllib.error.URLError, OSError):
            return False

    def lanes(self):
        """The pids of the processes of its devices, in their order."""
        return wait_until(self.lanes_now, "it has processes for its devices")

    def lanes_now(self):
        """The same, or none: they are children of the session, which began after the front."""
        processes = sorted(pid for pid in children_of(self.runner()) if not is_zombie(pid))
        return sorted(pid for pid in children_of(processes[-1]) if not is_zombie(pid)) if len(processes) == 2 else []

    def runner(self):
        """The pid of the process of `serve`, None when there is none: of the agent's it alone has processes of its own."""
        alive = [pid for pid in children_of(self.daemon.pid) if not is_zombie(pid) and children_of(pid)]
        return alive[0] if len(alive) == 1 else None


@pytest.fixture
def serving(world, start, compiled):
    """serving(receiver) starts the worker for that receiver and gives its API."""
    world.plugin_dir = PLUGINS
    cache = os.path.join(world.state, "plugins", "poc-worker", "cache")
    shutil.copytree(compiled, cache)

    def begin(receiver, devices="auto", device_timeout="10m"):
        port = free_port()
        world.write(f"  poc-worker: {{allow: [gpu], options: {{device_timeout: {device_timeout}}}, tasks: {{serve: {{always: true, "
                    f"args: {{listen: 'http://127.0.0.1:{port}', callbacks: ['{receiver.url}'], send_every: 200ms, "
                    f"test_devices: true, devices: '{devices}'}}}}}}}}\n")
        worker = Worker(port, start(world))
        wait_until(worker.up, "the API answers")
        return worker

    yield begin


def request_for(vector, receiver, **others):
    return {"node_id": 0, "node_count": 1, "block_hash": vector["block_hash"], "block_height": 10,
            "public_key": vector["public_key"], "batch_size": 1, "r_target": R_TARGET, "fraud_threshold": 0.01,
            "params": vector["params"], "url": receiver.url, **others}


def expected(vector):
    """Nonces of the vector that are proofs, and their distances."""
    return {nonce: dist for nonce, dist in zip(vector["nonces"], vector["dist"]) if dist < R_TARGET}


def assert_right(vector, body):
    known = dict(zip(vector["nonces"], vector["dist"]))
    assert len(body["nonces"]) == len(body["dist"]) > 0
    assert all(dist < R_TARGET for dist in body["dist"])
    for nonce, dist in zip(body["nonces"], body["dist"]):
        if nonce in known:
            assert dist == pytest.approx(known[nonce], abs=2e-5)


def metrics_of(world):
    return next(plugin for plugin in world.status()["plugins"] if plugin["name"] == "poc-worker").get("metrics", {})
