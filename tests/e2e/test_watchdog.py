"""The service manager's watchdog: fed while the agent and its essential tasks live, and not when one of them is silent."""
import pytest
from conftest import wait_until


def test_the_watchdog_is_fed(world, start):
    world.write("  sample-good: {}\n")
    daemon = start(world, env={"WATCHDOG_USEC": "400000"})
    daemon.wait_told("WATCHDOG=1")
    daemon.wait_told("WATCHDOG=1")


def test_an_essential_task_without_heartbeat_withholds_the_ping(world, start):
    world.write("  sample-silent: {}\n")
    daemon = start(world, env={"WATCHDOG_USEC": "1000000"})
    daemon.wait_told("WATCHDOG=1")
    silence = "essential task sample-silent serve gives no heartbeat"
    daemon.notify.settimeout(0.1)
    wait_until(lambda: drained(daemon.notify) and silence in daemon.log(), "it is noticed", deadline_s=60)  # 30 s may pass
    daemon.notify.settimeout(3)  # two pings would have come in this time
    with pytest.raises(TimeoutError):
        daemon.notify.recv(4096)


def drained(notify):
    """Reads what there is: a service manager's socket that nobody reads would fill up."""
    try:
        while notify.recv(4096):
            pass
    except TimeoutError:
        return True
