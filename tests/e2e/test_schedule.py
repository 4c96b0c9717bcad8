"""When tasks run: the spread of first runs and of periods, and the patience with those that fail."""
import time
from datetime import datetime

import pytest
from conftest import SLOW, wait_until

PERIOD_S = 0.5


def seconds(record):
    """When a record of the journal was written."""
    return datetime.fromisoformat(record["time"].replace("Z", "+00:00")).timestamp()


def starts(world, task):
    return [seconds(r) for r in world.records(plugin="sample-many", task=task, rec="run.start")]


def ends(world, task):
    return [seconds(r) for r in world.records(plugin="sample-many", task=task, rec="run.end")]


def many(names, options):
    """The manifest's text: these tasks of sample-many with these options, the others switched off."""
    tasks = ", ".join(f"{name}: {{{options if name in names else 'every: never'}}}" for name in TASKS)
    return f"  sample-many: {{tasks: {{{tasks}}}}}\n"


TASKS = [f"t{n}" for n in range(1, 9)] + ["fail"]
GOOD = TASKS[:-1]


def test_first_runs_are_spread_over_a_tenth_of_the_period(world, start):
    world.write(many(GOOD, "every: 10s"))
    start(world)
    began = time.time()
    wait_until(lambda: all(starts(world, name) for name in GOOD), "each ran once")
    first = sorted(starts(world, name)[0] for name in GOOD)
    assert first[-1] - first[0] > 0.1  # eight at random in one second: one try in a million is closer together
    assert first[-1] <= began + 1 + 2 * SLOW


def test_first_runs_are_never_spread_over_more_than_two_seconds(world, start):
    world.write(many(GOOD, "every: 1h"))
    start(world)
    began = time.time()
    wait_until(lambda: all(starts(world, name) for name in GOOD), "each ran once")
    assert max(starts(world, name)[0] for name in GOOD) <= began + 2 + 2 * SLOW


def test_a_delay_is_waited_for_before_the_first_run(world, start):
    world.write(many(["t1"], "every: 1h, delay: 700ms"))
    start(world)
    ready = time.time()
    wait_until(lambda: starts(world, "t1"), "it ran")
    assert 0.5 <= starts(world, "t1")[0] - ready <= 0.7 + 2 * SLOW  # the timer is set before READY is told


def test_a_period_is_never_cut_short_and_up_to_a_tenth_longer(world, start):
    world.write(many(GOOD[:4], f"every: {int(PERIOD_S * 1000)}ms, delay: 0s"))
    start(world)
    wait_until(lambda: all(len(starts(world, name)) >= 6 for name in GOOD[:4]), "six runs of each")
    waits = [begin - end for name in GOOD[:4] for end, begin in zip(ends(world, name), starts(world, name)[1:])]
    assert min(waits) >= PERIOD_S - 0.01  # the journal's clock is read a moment after the timer's
    assert max(waits) - min(waits) > PERIOD_S / 50  # twenty at random in a tenth
    assert sorted(waits)[len(waits) // 2] <= PERIOD_S * 1.1 + 0.25 * SLOW


@pytest.mark.parametrize("every,least,most", [("4m", 300, 330), ("10m", 600, 660)])
def test_a_failing_task_waits_five_minutes_at_most_or_its_period(world, start, every, least, most):
    world.write(many(["fail"], f"every: {every}, delay: 0s"))
    start(world)
    ended = seconds(world.wait_for(plugin="sample-many", task="fail", rec="run.end")[0])
    told = wait_until(lambda: world.task("sample-many", "fail")["next"], "the next run is planned")
    wait = datetime.fromisoformat(told.replace("Z", "+00:00")).timestamp() - ended
    assert least - 0.1 <= wait <= most + 0.1


def test_a_failing_task_waits_twice_as_long_each_time(world, start):
    world.write(many(["fail"], "every: 100ms, delay: 0s"))
    start(world)
    wait_until(lambda: len(starts(world, "fail")) >= 5, "five runs")
    waits = [begin - end for end, begin in zip(ends(world, "fail"), starts(world, "fail")[1:])]
    for n, wait in enumerate(waits[:4]):
        least = 0.1 * 2 ** (n + 1)
        assert least - 0.01 <= wait <= least * 1.1 + 0.25 * SLOW, waits


def test_what_status_calls_next_is_when_it_will_run(world, start):
    world.write(many(["fail"], "every: 200ms, delay: 0s"))
    start(world)
    told = wait_until(lambda: (lambda t: t if t["state"] == "backoff" and t["failures_in_a_row"] >= 3 else None)(
        world.task("sample-many", "fail")), "it backs off")
    due = datetime.fromisoformat(told["next"].replace("Z", "+00:00")).timestamp()
    runs = told["runs"]
    wait_until(lambda: len(starts(world, "fail")) > runs, "it runs again")
    assert abs(starts(world, "fail")[runs] - due) < 0.25 * SLOW
