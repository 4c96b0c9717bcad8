"""poc-worker by hand: distances as the network's reference has them, batches verified, wrong arguments named."""
import json
import os
import shutil

import pytest
from conftest import PLUGINS

VECTORS = os.path.join(os.path.dirname(__file__), "..", "vectors", "poc")


@pytest.fixture(scope="module")
def models():
    with open(os.path.join(VECTORS, "distances_small.json"), encoding="utf-8") as file:
        return {vector["name"]: vector for vector in json.load(file)}


@pytest.fixture
def worker(world, compiled):
    """worker(task, *arguments) runs a task of poc-worker and gives its report."""
    world.plugin_dir = PLUGINS
    world.write("  poc-worker: {allow: [gpu]}\n")
    cache = os.path.join(world.state, "plugins", "poc-worker", "cache")
    shutil.copytree(compiled, cache)

    def run(task, *arguments):
        return world.json("run", "poc-worker", task, *arguments)

    return run


def of(vector):
    return [f"params={json.dumps(vector['params'])}", f"block_hash={vector['block_hash']}",
            f"public_key={vector['public_key']}"]


def batch_of(vector, n, distance=lambda i, d: d):
    return {"public_key": vector["public_key"], "block_hash": vector["block_hash"], "block_height": 1,
            "nonces": vector["nonces"][:n], "dist": [distance(i, d) for i, d in enumerate(vector["dist"][:n])], "node_id": 0}


def test_devices_pass_the_self_test_in_the_sandbox(worker):
    end = worker("devices")
    assert end["outcome"] == "ok", end
    first = end["result"]["devices"][0]
    assert first["paths"] and set(first["paths"].values()) == {"passed"}
    assert first["memory"] > 1 << 30


@pytest.mark.parametrize("name", ["odd_head", "gqa", "scaled_rope", "one_token"])
def test_distances_are_those_of_the_reference(worker, models, name):
    vector = models[name]
    end = worker("distances", *of(vector), "nonces=0-5,7")
    assert end["outcome"] == "ok", end
    assert end["result"]["nonces"] == [0, 1, 2, 3, 4, 5, 7]
    expected = [vector["dist"][vector["nonces"].index(nonce)] for nonce in end["result"]["nonces"]]
    assert end["result"]["dist"] == pytest.approx(expected, abs=2e-5)
    assert "(cpu)" in end["result"]["device"]
    assert end["result"]["seconds"] > 0


def test_plain_c_needs_no_driver_and_agrees(worker, models):
    end = worker("distances", *of(models["tiny"]), "nonces=0-3", "device=plain")
    assert end["result"]["dist"] == pytest.approx(models["tiny"]["dist"][:4], abs=2e-5)
    assert "plain" in end["result"]["device"]


def test_a_model_and_a_batch_come_from_files(worker, models, tmp_path):
    vector = models["tiny"]
    (tmp_path / "params.json").write_text(json.dumps(vector["params"]))
    (tmp_path / "batch.json").write_text(json.dumps(batch_of(vector, 6)))
    end = worker("verify", f"batch=@{tmp_path}/batch.json", f"params=@{tmp_path}/params.json", "r_target=2")
    assert end["outcome"] == "ok", end
    assert end["result"]["disagree"] == []


def test_a_made_up_distance_disagrees_by_name(worker, models):
    vector = models["tiny"]
    batch = batch_of(vector, 6, lambda i, d: d - 0.1 if i == 4 else d)
    end = worker("verify", f"batch={json.dumps(batch)}", of(vector)[0], "r_target=2")
    assert end["outcome"] == "refused"
    assert end["result"]["disagree"] == [vector["nonces"][4]]
    assert "1 of 6 distances disagree" in end["summary"]


def test_a_batch_of_misses_is_fraud(worker, models):
    vector = models["tiny"]
    end = worker("verify", f"batch={json.dumps(batch_of(vector, 6, lambda i, d: 1.0))}", of(vector)[0], "r_target=1.1")
    assert end["outcome"] == "refused"
    assert end["result"]["n_invalid"] == 6
    assert end["result"]["fraud_detected"] is True
    assert end["result"]["probability_honest"] == pytest.approx(5e-4 ** 6, rel=1e-9)


def test_bench_says_what_each_device_does(worker, models):
    end = worker("bench", of(models["gqa"])[0], "seconds=1s")
    assert end["outcome"] == "ok", end
    device = end["result"]["devices"][0]
    assert device["nonces_per_minute"] > 0
    assert 0.05 < device["products_share"] <= 1
    assert device["products_tflops"] > 0


@pytest.mark.parametrize("arguments,words", [
    (["params=v3", "nonces=0"], "there is no model 'v3'"),
    (["params={\"dim\": 7}", "nonces=0"], "params.dim"),
    (["params=default", "nonces=5-"], "nonces: '5-'"),
    (["params=default", "nonces=0", "device=77"], "there is no device 77"),
    (["params=default", "nonces=0", "device=gpu"], "device 'gpu'"),
])
def test_a_wrong_argument_is_named(worker, arguments, words):
    end = worker("distances", "block_hash=a", "public_key=b", *arguments)
    assert end["outcome"] == "failed"
    assert words in end["summary"]


def test_a_file_that_is_not_there_is_a_usage_error(world, worker):
    assert worker
    done = world.cli("run", "poc-worker", "distances", "params=@/does/not/exist", "block_hash=a", "public_key=b", "nonces=0")
    assert done.returncode == 2
    assert "/does/not/exist" in done.stderr


def test_without_the_grant_no_device_is_touched(world):
    world.plugin_dir = PLUGINS
    world.write("  poc-worker: {}\n")
    done = world.cli("check")
    assert done.returncode == 78
    assert "allow: [gpu]" in done.stderr
