"""How long the robot's own ROS driver takes to stop it, on an imitation of both."""

import os
import threading
from collections.abc import Callable
from contextlib import suppress

import pytest

from fail2progress.robots.stretch.real.states import StretchError
from support import stretch_bench
from support.rigs import wait_for
from support.stretch_bench import DRIVER, Bench

FAST = {"lift": 0.4, "arm": 0.4, "translate": 0.4, "rotate": 1.0, "wrist_yaw": 2.0, "head_pan": 2.0}
STOPS = int(os.environ.get("FAIL2PROGRESS_STOPS", "0"))
"""How often each joint is stopped and its whole time looked at, which a busy computer makes longer."""


def test_the_driver_stops_what_moves_as_fast_as_it_may(ros: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Its stop is a slow brake, and none for the wrist: motion is so slow that it ends in time, once the driver hears of it."""
    with stretch_bench.bench(ros, monkeypatch, timeout=0.0, by=DRIVER) as bench:
        for name, distance in FAST.items():
            for _ in range(max(STOPS, 1)):
                braked, whole = stopped(bench, name, distance)
                print(f"{name}: {braked:.3f} s after the brake, {whole:.3f} s after the stop")
                assert braked < 0.13, name
                assert not STOPS or whole < 0.2, name


def stopped(bench: Bench, name: str, distance: float) -> tuple[float, float]:
    """Seconds of the robot's time until a joint stands still that moved at its highest speed: from the brake, from the stop."""
    axis, driver = bench.body.axes[name], bench.node.robot._driver
    moved, braked = [0.0], [0.0]
    bench.node.robot.alive()

    def look() -> None:
        now = bench.clock.time
        if abs(axis.velocity) > 1e-9:
            moved.append(now)
        if axis.brake is None and axis.goal is not None:
            braked.append(now)

    bench.clock.always(look)
    at = axis.position if name not in ("translate", "rotate") else 0.0

    def go() -> None:
        with suppress(StretchError), driver.goal():
            driver.move({name: at + distance if at + distance < axis.high else at - distance})

    going = threading.Thread(target=go)
    going.start()
    limit = driver.rules.slower[name]
    assert wait_for(lambda: abs(axis.velocity) > 0.95 * limit), (name, axis.velocity, limit)
    begin = bench.clock.now()
    driver.stop()
    going.join()
    driver.resume()
    return moved[-1] - braked[-1], moved[-1] - begin
