"""poc-worker serve: the network's own requests in, posted proofs out; receivers that fail; deaths in the middle."""
import contextlib
import json
import os
import re
import signal
import sqlite3

import pytest
from chain_client import ChainStandin
from conftest import PLUGINS, SLOW, is_zombie, wait_until
from poc_serving import R_TARGET, assert_right, expected, metrics_of, receiver, request_for, serving, tiny  # noqa: F401
from poc_standins import free_port


def sent_until(there, vector, sent):
    """What is posted from now on, until all proofs that are known were; `sent` has those before."""
    while not set(expected(vector)) <= set(sent):
        body = there.next("/generated")["body"]
        assert_right(vector, body)
        sent += body["nonces"]
    return sent


def test_the_networks_request_leads_to_posted_proofs(world, serving, receiver, tiny):
    there = receiver()
    worker = serving(there)
    assert worker.call("GET", "/api/v1/state") == (200, {"state": "STOPPED"})
    status, answer = worker.call("POST", "/api/v1/pow/init/generate", request_for(tiny, there))
    assert (status, answer["pow_status"]["status"]) == (200, "GENERATING")
    body = there.next("/generated")["body"]
    assert list(body) == ["public_key", "block_hash", "block_height", "nonces", "dist", "node_id"]
    assert (body["block_height"], body["node_id"]) == (10, 0)
    assert_right(tiny, body)
    nonces = set(body["nonces"])
    while not set(expected(tiny)) <= nonces:  # they go out as they are found: all of them, in one letter or in more
        nonces |= set(there.next("/generated")["body"]["nonces"])
    assert worker.call("GET", "/api/v1/pow/status")[1] == {"status": "GENERATING", "is_model_initialized": True}
    wait_until(lambda: metrics_of(world).get("nonces_per_second"), "status shows how fast it is")
    assert worker.call("POST", "/api/v1/stop") == (200, {"status": "OK"})
    assert worker.call("GET", "/api/v1/state") == (200, {"state": "STOPPED"})
    wait_until(lambda: metrics_of(world)["nonces_per_second"] == 0, "what is stopped has no speed")


def test_the_log_has_the_lines_that_operators_are_told_to_look_for(serving, receiver, tiny):
    there = receiver()
    worker = serving(there)
    worker.call("POST", "/api/v1/pow/init/generate", request_for(tiny, there))
    there.next("/generated")
    lines = [r"Created 1 GPU groups:", r"GpuGroup\(devices=\[\d+\], primary=\d+\) \(VRAM: [\d.]+GB\)",
             r"Using batch size: \d+ for GPU group \[\d+\]", r"Phase changed to: 1", r"Generated: \d+ / \d+ \(",
             r"Sending generated batch to ", r"Successfully sent generated batch"]
    for line in lines:
        wait_until(lambda line=line: re.search(line, worker.daemon.log()), line)


def test_status_tells_the_version_that_is_made_and_the_one_that_the_network_asks_for(world, start):
    world.plugin_dir = PLUGINS
    with ChainStandin() as chain:
        world.write(f"  poc-worker: {{allow: [gpu], tasks: {{serve: {{always: true, args: {{listen: 'http://127.0.0.1:{free_port()}', "
                    f"chain: '{chain.nodes[0]['proxy']}', devices: plain}}}}}}}}\n")
        start(world)
        metrics = wait_until(lambda: (lambda m: m if "network_asks_for_version" in m else None)(metrics_of(world)),
                             "the chain is asked")
    assert (metrics["makes_version"], metrics["network_asks_for_version"]) == (1, 1)


def test_a_node_takes_its_share_of_the_nonces(serving, receiver, tiny):
    there = receiver()
    worker = serving(there)
    worker.call("POST", "/api/v1/pow/init/generate", request_for(tiny, there, node_id=1, node_count=3))
    body = there.next("/generated")["body"]
    assert {nonce % 3 for nonce in body["nonces"]} == {1}
    assert_right(tiny, body)


def test_proofs_that_a_receiver_does_not_take_come_again(serving, receiver, tiny):
    there = receiver(500)
    worker = serving(there)
    worker.call("POST", "/api/v1/pow/init/generate", request_for(tiny, there))
    refused = there.next("/generated")
    assert refused["answered"] == 500
    taken = [there.next("/generated")["body"] for _ in range(2)]
    assert refused["body"] in taken


def test_a_batch_is_validated_and_misses_are_fraud(serving, receiver, tiny):
    there = receiver()
    worker = serving(there)
    worker.call("POST", "/api/v1/pow/init/validate", request_for(tiny, there))
    batch = {"public_key": tiny["public_key"], "block_hash": tiny["block_hash"], "block_height": 10,
             "nonces": tiny["nonces"][:6], "dist": [1.0] * 6, "node_id": 0}
    assert worker.call("POST", "/api/v1/pow/validate", batch) == (200, None)
    body = there.next("/validated")["body"]
    assert body["dist"] == pytest.approx(tiny["dist"][:6], abs=2e-5)
    assert body["received_dist"] == [1.0] * 6
    assert body["n_invalid"] == sum(dist > R_TARGET for dist in tiny["dist"][:6])
    assert body["n_invalid"] > 0
    assert body["fraud_detected"] is True


def batch_of(vector, *nonces):
    return {"public_key": vector["public_key"], "block_hash": vector["block_hash"], "block_height": 10,
            "nonces": list(nonces), "dist": [1.0] * len(nonces), "node_id": 0}


def test_batches_to_validate_survive_a_kill_and_come_back_once(serving, receiver, tiny):
    there = receiver()
    worker = serving(there)
    worker.call("POST", "/api/v1/pow/init", request_for(tiny, there))
    for nonce in range(4):
        assert worker.call("POST", "/api/v1/pow/validate", batch_of(tiny, nonce)) == (200, None)
    killed = worker.runner()
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: worker.runner() not in (None, killed) and worker.up(), "it is served again")
    worker.call("POST", "/api/v1/pow/init", request_for(tiny, there))
    for batch in batch_of(tiny, 0), batch_of(tiny, 4, 5):  # the first once more, lest it was lost
        assert worker.call("POST", "/api/v1/pow/validate", batch) == (200, None)
    worker.call("POST", "/api/v1/pow/phase/validate")
    results = [there.next("/validated")["body"] for _ in range(5)]
    assert [body["nonces"] for body in results] == [[0], [1], [2], [3], [4, 5]]
    assert [dist for body in results for dist in body["dist"]] == pytest.approx(tiny["dist"][:6], abs=2e-5)


def test_a_stop_gives_up_what_waits_to_be_validated(serving, receiver, tiny):
    there = receiver()
    worker = serving(there)
    worker.call("POST", "/api/v1/pow/init", request_for(tiny, there))
    worker.call("POST", "/api/v1/pow/validate", batch_of(tiny, 0))
    worker.call("POST", "/api/v1/pow/stop")
    worker.call("POST", "/api/v1/pow/init/validate", request_for(tiny, there))
    worker.call("POST", "/api/v1/pow/validate", batch_of(tiny, 1))
    assert there.next("/validated")["body"]["nonces"] == [1]
    assert "went with the stop" in worker.daemon.log()


def is_forgotten(world, nonces):
    """Is the batch that begins with these out of the queue on disk?"""
    path = os.path.join(world.state, "plugins", "poc-worker", "queue.db")
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as queue:
        return all(json.loads(body)["nonces"][0] != nonces[0] for body, in queue.execute("SELECT body FROM batches"))


def test_a_kill_in_the_middle_loses_and_doubles_no_proof(world, serving, receiver, tiny):
    there = receiver()
    worker = serving(there)
    sent = []
    for _ in range(2):
        worker.call("POST", "/api/v1/pow/init/generate", request_for(tiny, there))
        taken = there.next("/generated")["body"]["nonces"]
        sent += taken
        wait_until(lambda: is_forgotten(world, taken), "the acknowledgement is on disk")
        killed = worker.runner()
        os.kill(killed, signal.SIGKILL)
        wait_until(lambda: worker.runner() not in (None, killed) and worker.up(), "it is served again")
    worker.call("POST", "/api/v1/pow/init/generate", request_for(tiny, there))
    sent = sent_until(there, tiny, sent)
    assert len(sent) == len(set(sent)), "a proof was sent twice"


def test_a_device_that_hangs_is_ended_and_the_other_goes_on_meanwhile(world, serving, receiver, tiny):
    there = receiver()
    worker = serving(there, "0,plain", "10s" if SLOW == 1 else "60s")
    worker.call("POST", "/api/v1/pow/init/generate", request_for(tiny, there))
    there.next("/generated")
    hanging = worker.lanes()[0]
    os.kill(hanging, signal.SIGSTOP)
    there.asked()  # what was found before is not looked at
    for _ in range(3):  # send_every is 200 ms
        there.next("/generated")
    assert not is_zombie(hanging), "it was ended before the other one's proofs came"
    metrics = wait_until(lambda: (lambda m: m if m.get("devices_failed") else None)(metrics_of(world)), "it is out",
                         deadline_s=120)
    assert (metrics["device_0_works"], metrics["plain_works"]) == (0, 1)
    event = world.wait_for(rec="event", topic="poc.device.failed")[0]["payload"]
    assert event["device"] == 0
    assert "has not answered within" in event["why"]


def test_what_a_device_had_when_it_died_is_computed_by_the_other_and_sent_once(world, serving, receiver, tiny):
    there = receiver()
    worker = serving(there, "0,plain")
    worker.call("POST", "/api/v1/pow/init/generate", request_for(tiny, there))
    sent = there.next("/generated")["body"]["nonces"]
    wait_until(lambda: len(worker.lanes()) >= 2, "both devices are at it")
    os.kill(worker.lanes()[0], signal.SIGKILL)
    metrics = wait_until(lambda: (lambda m: m if m.get("devices_failed") else None)(metrics_of(world)), "it is told")
    assert (metrics["device_0_works"], metrics["plain_works"]) == (0, 1)
    assert "SIGKILL" in worker.daemon.log()
    sent = sent_until(there, tiny, sent)
    assert len(sent) == len(set(sent)), "a proof was sent twice"


@pytest.mark.skipif(SLOW > 1, reason="the self-test of the other path takes seconds; test_poc_crew has it under sanitizers")
def test_a_nonce_is_computed_again_on_another_path_and_status_tells_of_it(world, serving, receiver, tiny):
    there = receiver()
    worker = serving(there)
    worker.call("POST", "/api/v1/pow/init/generate", request_for(tiny, there))
    metrics = wait_until(lambda: (lambda m: m if m.get("results_checked") else None)(metrics_of(world)), "a result is checked",
                         deadline_s=180)
    assert [value for name, value in metrics.items() if name.startswith("device_") and name.endswith("_works")] == [1]
    assert metrics["devices_failed"] == 0
    assert metrics["nonces_per_second"] >= metrics["proofs_per_second"] > 0


def test_bad_requests_are_refused_and_change_nothing(serving, receiver, tiny):
    there = receiver()
    worker = serving(there)
    assert worker.call("POST", "/api/v1/pow/init/generate", {"node_id": 1})[0] == 422
    assert worker.call("POST", "/api/v1/pow/init/generate", request_for(tiny, there, node_id=-1))[0] == 400
    assert worker.call("POST", "/api/v1/pow/phase/validate")[0] == 400
    assert worker.call("POST", "/api/v1/inference/up", {})[0] == 501
    assert worker.call("GET", "/api/v1/nothing")[0] == 404
    assert worker.call("GET", "/api/v1/state") == (200, {"state": "STOPPED"})


def test_a_device_for_tests_does_not_work_unless_told(world):
    world.plugin_dir = PLUGINS
    world.write(f"  poc-worker: {{allow: [gpu], tasks: {{serve: {{args: {{listen: 'http://127.0.0.1:{free_port()}'}}}}}}}}\n")
    end = world.json("run", "poc-worker", "serve")
    assert end["outcome"] == "failed"
    assert "test_devices: true" in end["summary"]
