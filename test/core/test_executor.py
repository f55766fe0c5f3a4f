import importlib.util
import multiprocessing
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fail2progress.core.executor import LocalExecutor, LostWorkerError, PoolExecutor, UntilExecutor, at_work, executor
from support.executors import Inline
from support.processes import running, wait_until


def test_local_results_are_complete() -> None:
    work = LocalExecutor(2)
    assert sorted(work.map_unordered(abs, range(-5, 0))) == [1, 2, 3, 4, 5]


def test_workers_of_a_pool_stay_and_one_process_works_in_place() -> None:
    with PoolExecutor(2) as work:
        assert sorted(work.map_unordered(abs, range(-5, 0))) == [1, 2, 3, 4, 5]
        first = work._pool
        assert sorted(work.map_unordered(abs, [-7])) == [7]
        assert work._pool is first is not None
    assert work._pool is None
    with PoolExecutor(1) as work:
        assert list(work.map_unordered(abs, [-1])) == [1] and work._pool is None


def test_one_process_that_works_beside_its_caller_goes_on_when_nobody_asks(tmp_path: Path) -> None:
    with PoolExecutor(1, beside=True) as work:
        paths = [tmp_path / str(number) for number in range(3)]
        work.map_unordered(Path.touch, paths)
        wait_until(lambda: all(path.exists() for path in paths), 60.0)


def test_an_error_in_a_worker_comes_back() -> None:
    with pytest.raises(ValueError, match=r"not a number"):
        list(LocalExecutor(1).map_unordered(int, ["not a number"]))


@pytest.mark.parametrize(
    ("name", "mine", "theirs"),
    [
        ("MUJOCO_GL", None, "disable"),
        ("MUJOCO_GL", "egl", "egl"),
        ("OMP_NUM_THREADS", None, "1"),
        ("OMP_NUM_THREADS", "3", "3"),
    ],
)
def test_workers_look_for_no_windows_and_compute_by_one_thread_and_who_starts_them_as_before(
    monkeypatch: pytest.MonkeyPatch, name: str, mine: str | None, theirs: str
) -> None:
    if mine is None:
        monkeypatch.delenv(name, raising=False)
    else:
        monkeypatch.setenv(name, mine)
    assert list(LocalExecutor(1).map_unordered(os.getenv, [name])) == [theirs]
    with PoolExecutor(1, beside=True) as pool:
        assert list(pool.map_unordered(os.getenv, [name])) == [theirs] and os.environ.get(name) == mine
    assert os.environ.get(name) == mine


def test_after_its_time_no_result_is_waited_for_and_nothing_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    limited, items = UntilExecutor(Inline(), 1.0), iter(range(9))

    def work(item: int) -> int:
        now[0] += 25.0
        return item

    assert list(limited.map_unordered(work, items)) == [0, 1, 2] and next(items) == 3
    assert list(limited.map_unordered(work, items)) == [] and next(items) == 4


def test_executors_are_looked_up_by_name() -> None:
    assert isinstance(executor("local", 3), LocalExecutor)
    with pytest.raises(ValueError, match=r"'cloud'.*local, ray"):
        executor("cloud")


@pytest.mark.skipif(importlib.util.find_spec("ray") is not None, reason="ray is installed")
def test_a_missing_cluster_package_says_what_to_install() -> None:
    with pytest.raises(ValueError, match=r"pip install ray"):
        executor("ray")


def test_who_fails_beside_others_takes_them_along_and_is_named_as_the_cause() -> None:
    context = multiprocessing.get_context("spawn")
    failed, sleeping = context.Process(target=sys.exit, args=(3,)), context.Process(target=time.sleep, args=(600.0,))
    with pytest.raises(LostWorkerError, match="closed by peer"), at_work([failed, sleeping]):
        failed.join()
        raise RuntimeError("Connection closed by peer\nand more of a library's words")
    assert failed.exitcode == 3 and sleeping.exitcode != 0
    with pytest.raises(RuntimeError, match="of our own") as own, at_work([]):
        raise RuntimeError("of our own")
    assert not isinstance(own.value, LostWorkerError)


def test_who_works_beside_a_process_that_is_killed_ends_too() -> None:
    script = "from support.executors import work_with_another; work_with_another()"
    paths = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen([sys.executable, "-c", script], env=paths, stdout=subprocess.PIPE, start_new_session=True)
    with process:
        assert process.stdout is not None and process.stdout.readline() == b"at work\n"
        process.kill()
    wait_until(lambda: not running(process.pid))
