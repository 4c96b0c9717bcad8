"""poc-worker rehearse: a node is made to generate for nobody, each fault is a finding of its own, and all is put back."""
import json
import os
import signal
import socket
import subprocess

import pytest
from conftest import AGENT, PLUGINS, children_of, wait_until
from poc_serving import tiny  # noqa: F401
from poc_standins import Talker, free_port
from validator_world import Docker


@pytest.fixture
def node(tiny):
    """node(fault=...) starts one."""
    started = []

    def begin(**config):
        started.append(Talker("mlnode_standin.py", json.dumps({"nonces": tiny["nonces"], "dist": tiny["dist"], **config})))
        return started[-1]

    yield begin
    for one in started:
        one.end()


@pytest.fixture
def docker(tmp_path):
    running = Docker(str(tmp_path), name="api")
    yield running
    running.close()


def is_paused(docker):
    with open(docker.file, encoding="utf-8") as file:
        return json.load(file).get("paused", False)


def answers(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def words(world, tiny):
    """words(url, *more): arguments of a rehearsal of the small model."""
    world.plugin_dir = PLUGINS
    world.write("  poc-worker: {allow: [gpu]}\n")

    def given(url, *more):
        return ["poc-worker", "rehearse", f"url={url}", f"params={json.dumps(tiny['params'])}",
                f"block_hash={tiny['block_hash']}", f"public_key={tiny['public_key']}", "device=plain", "batches=2",
                "wait=20s", "sample=3", f"listen=http://127.0.0.1:{free_port()}", *more]

    return given


@pytest.fixture
def rehearse(world, words):
    """rehearse(url, *more) runs it and gives its report."""
    return lambda url, *more: world.json("run", *words(url, *more))


def finding(end):
    """The one finding's name."""
    assert len(end["result"]["findings"]) == 1, end
    assert end["result"]["findings"][0]["finding"] in end["summary"]
    assert end["result"]["findings"][0]["look_at"]
    return end["result"]["findings"][0]["finding"]


def test_our_own_worker_passes_under_the_same_agent(world, start, rehearse):
    port = free_port()
    callback = free_port()
    world.write(f"  poc-worker: {{allow: [gpu], tasks: {{serve: {{always: true, args: {{listen: 'http://127.0.0.1:{port}', "
                f"callbacks: ['http://127.0.0.1:{callback}'], send_every: 100ms, devices: plain}}}}}}}}\n")
    start(world)
    wait_until(lambda: answers(port), "the API answers")
    end = rehearse(f"http://127.0.0.1:{port}", f"listen=http://127.0.0.1:{callback}", "node_id=2", "node_count=5")
    assert (end["outcome"], end["result"]["findings"]) == ("changed", []), end
    assert end["result"]["sampled"] == 3
    assert end["result"]["largest_difference"] < 2e-5
    assert end["result"]["nonces_per_minute"] > 0
    assert end["result"]["state_after"] == "STOPPED"


def test_a_node_that_computes_right_passes_and_is_stopped(node, rehearse):
    there = node()
    end = rehearse(there.url)
    assert (end["outcome"], end["result"]["findings"]) == ("changed", []), end
    assert (end["result"]["batches"], end["result"]["nonces"], end["result"]["disagree"]) == (2, 32, 0)
    assert [act["verb"] for act in end["acts"]] == ["generate", "stop"]
    assert there.asked() == ["/api/v1/pow/init/generate", "/api/v1/stop"]


@pytest.mark.parametrize("config,name", [
    ({"fault": "distance"}, "wrong_distance"),
    ({"fault": "target"}, "over_target"),
    ({"fault": "sequence"}, "wrong_sequence"),
    ({"fault": "skip"}, "wrong_sequence"),
    ({"fault": "twice"}, "wrong_sequence"),
    ({"fault": "key"}, "wrong_public_key"),
    ({"fault": "block"}, "wrong_block"),
    ({"fault": "rubbish"}, "rubbish_body"),
    ({"init": 409}, "node_conflict"),
    ({"init": 500}, "node_error"),
    ({"init": 404}, "node_refused"),
    ({"after": "STOPPED", "fault": "silent"}, "node_gave_up"),
])
def test_each_fault_of_a_node_is_a_finding_of_its_own(node, rehearse, config, name):
    there = node(**config)
    end = rehearse(there.url, *(["r_target=1.5"] if config.get("fault") == "target" else []))
    assert (end["outcome"], finding(end)) == ("failed", name), end
    assert end["result"]["state_after"] == "STOPPED"


@pytest.mark.parametrize("built,name", [([True], "no_callback"), ([False], "model_not_built")])
def test_a_node_that_never_calls_back_is_told_from_one_without_a_model(node, rehearse, built, name):
    end = rehearse(node(fault="silent", built=built).url, "wait=300ms")
    assert (end["outcome"], finding(end)) == ("failed", name)


def test_a_node_that_answers_nothing_any_more_has_given_up(node, rehearse):
    there = node(fault="dies")
    end = rehearse(there.url, "wait=1s")
    assert end["outcome"] == "failed"
    assert [one["finding"] for one in end["result"]["findings"]] == ["node_gave_up", "not_stopped"]
    assert "took the request and has not answered" in end["summary"]


@pytest.mark.parametrize("status", ["VALIDATING", "IDLE"])
def test_a_node_that_somebody_else_commands_meanwhile_is_told(node, rehearse, status):
    end = rehearse(node(fault="silent", status=status).url)
    assert (end["outcome"], finding(end)) == ("failed", "node_gave_up")
    assert f"became {status}: somebody else commands it" in end["summary"]


def test_a_node_that_builds_another_model_meanwhile_is_told(node, rehearse):
    end = rehearse(node(fault="silent", built=[True, False]).url)
    assert (end["outcome"], finding(end)) == ("failed", "node_gave_up")
    assert "builds one again" in end["summary"]


def test_a_node_that_sends_too_little_is_told_from_one_that_cannot_reach_us(node, rehearse):
    end = rehearse(node(fault="half").url, "wait=1s")
    assert (end["outcome"], finding(end)) == ("failed", "too_few_batches")
    assert "posted 1 of 2 batches" in end["summary"]


def test_what_a_node_still_has_for_an_earlier_rehearsal_is_taken_off_it_and_does_not_count(node, rehearse):
    port = free_port()
    end = rehearse(node(old=f"http://127.0.0.1:{port}/earlier").url, f"listen=http://127.0.0.1:{port}")
    assert (end["outcome"], end["result"]["findings"], end["result"]["strays"]) == ("changed", [], 1), end


def test_requests_to_another_path_are_told(node, rehearse):
    end = rehearse(node(fault="path").url, "wait=300ms")
    assert finding(end) == "no_callback"
    assert "2 other requests came there" in end["summary"]
    assert end["result"]["strays"] == 2


def test_what_somebody_else_began_on_the_node_is_not_stopped(node, rehearse):
    there = node(init=409, after="INFERENCE")
    end = rehearse(there.url)
    assert (finding(end), end["result"]["state_after"]) == ("node_conflict", "INFERENCE")
    assert there.asked() == ["/api/v1/pow/init/generate"]


def test_a_node_that_cannot_be_asked_is_unknown(rehearse):
    end = rehearse(f"http://127.0.0.1:{free_port()}")
    assert (end["outcome"], finding(end)) == ("unknown", "node_unreachable")


def test_a_node_that_serves_is_left_alone_unless_it_may_be_stopped(node, rehearse, docker):
    there = node(state="INFERENCE")
    end = rehearse(there.url, "pause_container=api", f"docker_socket={docker.socket}")
    assert end["outcome"] == "refused"
    assert "stop_serving=true" in end["summary"]
    assert (there.asked(), is_paused(docker)) == ([], False)
    end = rehearse(there.url, "stop_serving=true", "pause_container=api", f"docker_socket={docker.socket}")
    assert end["outcome"] == "changed", end
    assert [act["verb"] for act in end["acts"]] == ["pause", "stop", "generate", "stop", "unpause"]
    assert is_paused(docker) is False


def test_a_node_that_answers_with_an_error_at_once_has_failed(node, rehearse):
    end = rehearse(node(state_status=409).url)
    assert (end["outcome"], finding(end)) == ("failed", "node_conflict")
    assert "Multiple services detected." in end["summary"]


def test_a_node_serves_again_what_it_served(node, rehearse):
    there = node(state="INFERENCE")
    end = rehearse(there.url, "stop_serving=true", 'serve_again={"model": "m"}')
    assert (end["outcome"], end["result"]["state_after"]) == ("changed", "INFERENCE"), end
    assert there.asked()[-1] == "/api/v1/inference/up"


def test_a_model_that_does_not_load_again_is_a_finding(node, rehearse):
    end = rehearse(node(state="INFERENCE", model="broken").url, "stop_serving=true", "serve_again={}")
    assert (end["outcome"], finding(end)) == ("failed", "not_restored")
    assert "no weights" in end["summary"]


def test_what_was_changed_is_changed_back_although_no_more_acts_are_allowed(world, node, rehearse, docker):
    there = node()
    world.write("  poc-worker: {allow: [gpu], limits: {acts: 2}}\n")
    end = rehearse(there.url, "pause_container=api", f"docker_socket={docker.socket}")
    assert (end["outcome"], end["result"]["state_after"]) == ("changed", "STOPPED"), end
    assert is_paused(docker) is False


def test_a_container_that_cannot_be_paused_keeps_the_node_untouched(node, rehearse, docker):
    there = node()
    docker.set(pauses=False)
    end = rehearse(there.url, "pause_container=api", f"docker_socket={docker.socket}")
    assert end["outcome"] == "failed", end
    assert "cannot do that" in end["summary"] or "as it was" in end["summary"]
    assert there.asked() == []


def test_a_container_is_unpaused_after_a_failure(node, rehearse, docker):
    end = rehearse(node(init=500).url, "pause_container=api", f"docker_socket={docker.socket}")
    assert finding(end) == "node_error"
    assert [act["verb"] for act in end["acts"]] == ["pause", "generate", "unpause"]
    assert is_paused(docker) is False


def test_a_dry_run_says_what_it_would_do_and_does_nothing(world, node, words, docker):
    there = node(state="INFERENCE")
    plan = world.json("run", "--dry-run", *words(there.url, "stop_serving=true", "pause_container=api",
                                                  f"docker_socket={docker.socket}"))
    assert [act["verb"] for act in plan["acts"]] == ["pause", "stop", "generate"], plan
    assert (there.asked(), is_paused(docker)) == ([], False)


def begun(world, words, node, docker):
    """A rehearsal that waits for a silent node, with the container paused."""
    process = subprocess.Popen([AGENT, "run", "-c", world.manifest, "--json",
                                *words(node.url, "pause_container=api", f"docker_socket={docker.socket}")],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_until(lambda: "/api/v1/pow/init/generate" in node.asked(), "the node was asked")
    assert is_paused(docker)
    return process


def test_a_container_is_unpaused_when_the_run_is_cancelled(world, words, node, docker):
    there = node(fault="silent")
    process = begun(world, words, there, docker)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=30)
    assert is_paused(docker) is False, (out, err)
    assert there.asked() == ["/api/v1/stop"]
    assert json.loads(out)["outcome"] == "unknown"


def test_a_stop_that_a_cancelled_run_could_not_wait_for_is_no_failed_stop(world, words, node, docker):
    there = node(fault="silent", slow=10)
    process = begun(world, words, there, docker)
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=30)
    end = json.loads(out)
    assert [act["ok"] for act in end["acts"] if act["verb"] == "stop"] == [True], end
    assert "had not answered when this run had to end" in end["result"]["findings"][1]["why"]


def test_what_a_killed_run_left_paused_is_repaired_first_by_the_next(world, words, node, docker, rehearse):
    there = node(fault="silent")
    process = begun(world, words, there, docker)
    os.kill(children_of(process.pid)[0], signal.SIGKILL)
    process.communicate(timeout=30)
    assert is_paused(docker)
    end = rehearse(there.url)
    assert is_paused(docker) is False
    assert end["outcome"] == "refused"
    assert "most likely begun by the rehearsal that was killed" in end["summary"]
    assert "container api, paused by a rehearsal that was killed, was unpaused" in end["summary"]
    assert end["acts"][0]["verb"] == "unpause"
    assert "repaired" not in rehearse(f"http://127.0.0.1:{free_port()}")["summary"]


@pytest.fixture
def watched(world, words, start, docker):  # words: it writes another manifest first
    """watched(): a daemon that looks every 50 ms whether a rehearsal has left the container paused."""
    def begin():
        world.write(f"  poc-worker: {{allow: [gpu], tasks: {{unpause: {{every: 50ms, args: {{docker_socket: {docker.socket}}}}}}}}}\n")
        return start(world)

    return begin


def test_what_a_killed_run_left_paused_is_unpaused_by_itself(world, words, watched, node, docker):
    there = node(fault="silent")
    process = begun(world, words, there, docker)
    os.kill(children_of(process.pid)[0], signal.SIGKILL)
    process.communicate(timeout=30)
    assert is_paused(docker)
    watched()
    wait_until(lambda: not is_paused(docker), "it is unpaused")
    end = world.wait_for(rec="run.end", task="unpause", outcome="changed")[0]
    assert "container api, paused by a rehearsal that was killed, was unpaused" in end["summary"]
    assert f"node {there.url} may still generate" in end["summary"]


def test_a_rehearsal_that_goes_on_keeps_its_container_paused(world, watched, node, docker, words):
    there = node(fault="silent")
    watched()
    world.wait_for(rec="run.end", task="unpause")
    end = world.json("run", *[word for word in words(there.url, "pause_container=api", f"docker_socket={docker.socket}")
                              if not word.startswith("wait=")], "wait=1s")  # twenty times what passes between two looks
    assert [act["verb"] for act in end["acts"]] == ["pause", "generate", "stop", "unpause"]
    assert {record["outcome"] for record in world.wait_for(2, rec="run.end", task="unpause")} == {"ok"}


def test_a_container_that_cannot_be_asked_about_is_not_taken_for_unpaused(world, words, node, docker):
    process = begun(world, words, node(fault="silent"), docker)
    os.kill(children_of(process.pid)[0], signal.SIGKILL)
    process.communicate(timeout=30)
    docker.set(status=500)
    end = world.json("run", "poc-worker", "unpause", f"docker_socket={docker.socket}")
    assert end["outcome"] == "unknown"
    assert "docker unpause api" in end["summary"]
    del docker.config["status"]
    docker.set(paused=True)
    assert world.json("run", "poc-worker", "unpause", f"docker_socket={docker.socket}")["outcome"] == "changed"
    assert is_paused(docker) is False
    assert world.json("run", "poc-worker", "unpause", f"docker_socket={docker.socket}")["outcome"] == "ok"
