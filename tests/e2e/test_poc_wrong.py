"""poc-worker serve with a device that is damaged while it works: it computes wrong, and nothing else tells of it."""
import json
import platform
import re

import pytest
from conftest import SLOW, wait_until
from poc_serving import metrics_of, receiver, request_for, serving, tiny  # noqa: F401

pytestmark = [
    pytest.mark.skipif(SLOW > 1, reason="the other path's self-test takes seconds; test_poc_session has it under sanitizers"),
    pytest.mark.skipif(platform.machine() != "x86_64", reason="what is damaged are instructions of that processor")]
# a vector's multiply-add, which becomes one that subtracts
MULTIPLY_ADD = re.compile(rb"(\xc4..|\x62...)\xb8", re.DOTALL)


def damage(pid):
    """Changes the products of the kernel that the process has in memory. How many of their instructions."""
    changed = 0
    with open(f"/proc/{pid}/maps", encoding="ascii") as lines, open(f"/proc/{pid}/mem", "r+b", buffering=0) as memory:
        for line in lines:
            if " r-xp " not in line or not line.endswith("/product.so\n"):
                continue
            begin, end = (int(word, 16) for word in line.split()[0].split("-"))
            memory.seek(begin)
            code, n = MULTIPLY_ADD.subn(lambda found: found[1] + b"\xbc", memory.read(end - begin))
            memory.seek(begin)
            memory.write(code)
            changed += n
    return changed


def test_a_device_that_computes_wrong_is_found_and_taken_out(world, serving, receiver, tiny):
    there = receiver()
    worker = serving(there, "0,plain")
    worker.call("POST", "/api/v1/pow/init", request_for(tiny, there))
    wait_until(lambda: "for GPU group [0]" in worker.daemon.log(), "the device is ready")
    assert damage(worker.lanes()[0]) > 0
    worker.call("POST", "/api/v1/pow/phase/generate")
    metrics = wait_until(lambda: (lambda m: m if m.get("devices_failed") else None)(metrics_of(world)), "it is out", deadline_s=120)
    assert (metrics["device_0_works"], metrics["plain_works"]) == (0, 1)
    event = world.wait_for(rec="event", topic="poc.device.failed")[0]["payload"]
    assert event["device"] == 0
    assert "computes wrong: nonce " in event["why"]

    there.asked()  # what was sent before may be wrong: that is told, and not called back
    there.next("/generated")  # this one may have been under way
    body = there.next("/generated")["body"]
    words = [f"params={json.dumps(tiny['params'])}", f"block_hash={tiny['block_hash']}", f"public_key={tiny['public_key']}",
             f"nonces={','.join(map(str, body['nonces'][:8]))}", "device=plain"]
    again = world.json("run", "poc-worker", "distances", *words)["result"]
    assert body["dist"][:8] == pytest.approx(again["dist"], abs=2e-5)
