import contextlib
import itertools
import os
import shlex
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import fail2progress
from fail2progress.core.camera import Camera
from fail2progress.core.scene import Scene
from fail2progress.simulation.base import Disturbances, Job, OrdinaryPhysicsError, Outcome
from fail2progress.simulation.mujoco.backend import MujocoSimulator
from fail2progress.simulation.parallel import ParallelSimulator, serving
from fail2progress.simulation.registry import SimulatorError, make, resolve, varies_physics
from fail2progress.simulation.wire import connection
from fail2progress.simulation.wire.frames import VERSION, Frame, encode
from fail2progress.simulation.wire.serving import PHYSICS
from fail2progress.simulation.worker.client import WorkerSimulator
from fail2progress.simulation.worker.options import WorkerOptions
from fail2progress.skills.base import SkillCall
from fail2progress.tasks.pretraining import job
from support import kinematic_worker
from support.old_python import python38

KINEMATIC = (sys.executable, str(Path(kinematic_worker.__file__)))


@pytest.fixture(scope="module")
def work() -> list[Job]:
    return [job(4, number) for number in range(30)]


@pytest.fixture(scope="module")
def truth(work: list[Job]) -> list[Outcome]:
    return list(MujocoSimulator().execute_all(work))


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def placements(count: int) -> list[Job]:
    jobs = (job(5, number) for number in itertools.count())
    return list(itertools.islice((w for w in jobs if w.call.skill == "pick_place" and not w.scene.openings), count))


def check(outcomes: list[Outcome], truth: list[Outcome]) -> None:
    assert [outcome.call for outcome in outcomes] == [outcome.call for outcome in truth]
    for one, other in zip(outcomes, truth, strict=True):
        assert np.array_equal(one.after.scene.poses, other.after.scene.poses)
        assert np.array_equal(one.after.cloud.points, other.after.cloud.points, equal_nan=True)


@pytest.mark.parametrize("batch", [1, 4])
def test_no_job_is_lost_or_doubled_where_workers_are_killed(work: list[Job], truth: list[Outcome], batch: int) -> None:
    with WorkerSimulator(WorkerOptions(command=serving("mujoco"), workers=2, batch=batch)) as simulator:
        list(simulator.execute_all(work[:8]))
        first = set(simulator.processes())
        assert len(first) == 2
        killer = threading.Timer(0.15, lambda: [os.kill(pid, signal.SIGKILL) for pid in first])
        killer.start()
        outcomes = list(simulator.execute_all(work))
        killer.join()
        check(outcomes, truth)
        list(simulator.execute_all(work[:8]))  # who dies after its last job is replaced when there is more to do
        assert not first & set(simulator.processes())


def test_workers_that_die_again_and_again_still_get_on() -> None:
    jobs = placements(12)
    with WorkerSimulator(WorkerOptions(command=(*KINEMATIC, "dies"))) as simulator:
        outcomes = list(simulator.execute_all(jobs))
    assert [outcome.call for outcome in outcomes] == [work.call for work in jobs]


def test_a_worker_that_always_ends_at_a_job_is_given_up() -> None:
    jobs = placements(6)
    jobs[4] = replace(jobs[4], seed=kinematic_worker.POISON)
    with WorkerSimulator(WorkerOptions(command=(*KINEMATIC, "poison"), batch=3)) as simulator:
        outcomes = simulator.execute_all(jobs)
        assert [next(outcomes).call for _ in range(3)] == [work.call for work in jobs[:3]]
        with pytest.raises(SimulatorError, match=r"was lost 3 times at the same work: exit code -9: out of memory"):
            next(outcomes)


def test_a_worker_varies_physics_where_it_says_so(kinematic: str, tmp_path: Path) -> None:
    with pytest.raises(SimulatorError, match="'worker' has the ordinary physics only"):
        varies_physics(kinematic)
    hosted = tmp_path / "hosted.yaml"
    hosted.write_text(f"simulator: worker\ncommand: {shlex.join(serving('mujoco'))}\n")
    varies_physics(str(hosted))


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("echo", "Importing module 'gym_38'"), r"not the worker protocol: .*Importing modul"),
        (("printf", r"F2PW\t\0\0\0\2\0\0\0\0\0\0\0\0\0\0\0{}"), r"speaks version 9 of the worker protocol, this side version 1"),
        ((sys.executable, "-m", "no_such_module"), r"did not start: exit code 1: .*No module named no_such_module"),
        (serving("bullet"), r"did not start: exit code 2: unknown simulator 'bullet'"),
        ((*KINEMATIC, "short"), r"poses must be \(\d+, 7\) finite float64"),
        ((*KINEMATIC, "twice"), r"an answer to job 0 of 3, which was not asked or is answered"),
    ],
)
def test_garbage_other_versions_and_lies_are_one_clear_line(command: tuple[str, ...], said: str) -> None:
    with WorkerSimulator(WorkerOptions(command=command)) as simulator, pytest.raises(SimulatorError, match=said) as error:
        list(simulator.execute_all(placements(3)))
    assert "\n" not in str(error.value)


def test_a_silent_worker_is_ended() -> None:
    with WorkerSimulator(WorkerOptions(command=("sleep", "60"), patience=0.2, attempts=2)) as simulator:
        start = time.monotonic()
        for ask in (lambda: simulator.execute(placements(1)[0]), lambda: list(simulator.execute_all(placements(1)))):
            with pytest.raises(SimulatorError, match=r"lost 2 times.*no answer in 0.2 s"):
                ask()
        assert time.monotonic() - start < 10


def test_a_worker_that_stops_reading_is_ended() -> None:
    answer = encode(Frame("hello", {"protocol": VERSION}, {}))
    script = f"import sys, time; sys.stdout.buffer.write({answer!r}); sys.stdout.flush(); time.sleep(60)"
    options = WorkerOptions(command=(sys.executable, "-c", script), patience=3.0, attempts=1, batch=200)
    with WorkerSimulator(options) as simulator, pytest.raises(SimulatorError, match="a request was not read in 3 s"):
        list(simulator.execute_all(placements(1) * 200))


def test_a_worker_that_closes_its_output_and_goes_on_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "_LEAVING", 0.1)
    command = (sys.executable, "-c", "import os, time; os.close(1); time.sleep(60)")
    said = "closed its output, and had not ended 0.1 s later"
    with WorkerSimulator(WorkerOptions(command=command, attempts=1)) as simulator, pytest.raises(SimulatorError, match=said):
        simulator.execute(placements(1)[0])


def test_a_refused_job_is_the_caller_s_mistake_and_harms_no_other(work: list[Job], truth: list[Outcome]) -> None:
    wrong = Job(work[0].scene, SkillCall("push", "nobody", (0.0, 0.1)))
    with WorkerSimulator(WorkerOptions(command=serving("mujoco"), batch=3)) as simulator:
        outcomes = simulator.execute_all([work[0], wrong, work[1]])
        check([next(outcomes)], truth[:1])
        with pytest.raises(ValueError, match=r"unknown object 'nobody'; the scene has"):
            next(outcomes)
        check(list(simulator.execute_all(work[:3])), truth[:3])
        with pytest.raises(ValueError, match=r"unknown object 'nobody'"):
            simulator.execute(wrong)


def test_a_job_without_set_points_harms_no_other_where_these_are_asked_for() -> None:
    jobs = placements(3)
    slippery = replace(jobs[1], disturbances=Disturbances(surface=0.5))
    with WorkerSimulator(WorkerOptions(command=(*KINEMATIC, "tracks"), batch=3)) as simulator:
        whole = list(simulator.execute_all(jobs))
        before = simulator.processes()
        outcomes = simulator.execute_all([jobs[0], slippery, jobs[2]])
        np.testing.assert_array_equal(next(outcomes).after.scene.poses, whole[0].after.scene.poses)
        with pytest.raises(OrdinaryPhysicsError, match="no matter of set-points"):
            next(outcomes)
        with pytest.raises(OrdinaryPhysicsError, match="no matter of set-points"):
            simulator.execute(slippery)
        assert simulator.processes() == before != []


def test_a_refused_job_in_another_physics_says_so(work: list[Job]) -> None:
    slippery = replace(work[0], disturbances=Disturbances(surface=0.5))
    said = {"index": 0, "message": "friction is no matter of mine"}
    with WorkerSimulator(WorkerOptions(command=serving("mujoco"))) as simulator:
        refusals = [
            simulator._read(Frame("refused", {**said, **reason}, {}), asked, varies)
            for asked, reason, varies in (
                (slippery, {"reason": PHYSICS}, True),
                (slippery, {}, False),
                (slippery, {"reason": ""}, True),
                (work[0], {}, False),
            )
        ]
        nobody = replace(slippery, call=SkillCall("push", "nobody", (0.0, 0.1)))
        with pytest.raises(ValueError, match="unknown object 'nobody'") as refused:
            simulator.execute(nobody)
        with pytest.raises(ValueError, match="the scene has no objects"):
            simulator.settle(Scene((), np.zeros((0, 7))), Camera())
    assert [type(refusal) for refusal in refusals] == [OrdinaryPhysicsError, OrdinaryPhysicsError, ValueError, ValueError]
    assert {str(refusal) for refusal in refusals} == {"friction is no matter of mine"} and refused.type is ValueError


def test_closing_the_iterator_stops_the_work_and_the_simulator_goes_on(work: list[Job], truth: list[Outcome]) -> None:
    drawn: list[Job] = []

    def draw() -> Iterator[Job]:
        for item in work:
            drawn.append(item)
            yield item

    with WorkerSimulator(WorkerOptions(command=serving("mujoco"))) as simulator:
        outcomes = simulator.execute_all(draw())
        check([next(outcomes)], truth[:1])
        outcomes.close()  # type: ignore[attr-defined]
        assert len(drawn) < 6
        check(list(simulator.execute_all(work[:2])), truth[:2])


def test_workers_end_with_their_simulator(work: list[Job]) -> None:
    with ParallelSimulator(2) as simulator:
        list(simulator.execute_all(work[:4]))
        assert simulator._workers is not None
        started = simulator._workers.processes()
        assert len(started) == 2 and all(alive(pid) for pid in started)
    assert not any(alive(pid) for pid in started)


def test_a_socket_serves_several_clients(work: list[Job], truth: list[Outcome], listening: Callable[[], int]) -> None:
    options = WorkerOptions(address=f"127.0.0.1:{listening()}", workers=2, batch=1)
    with WorkerSimulator(options) as one, WorkerSimulator(options) as other:
        check([one.execute(work[0])], truth[:1])
        check(list(other.execute_all(work[:6])), truth[:6])
        check([one.execute(work[1])], truth[1:2])


def test_a_socket_that_nobody_serves_is_named() -> None:
    options = WorkerOptions(address="127.0.0.1:9")
    with WorkerSimulator(options) as simulator, pytest.raises(SimulatorError, match=r"no worker at 127.0.0.1:9: "):
        simulator.execute(placements(1)[0])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("simulator: worker", r"cannot run here: it needs a file with the option `command` or `address`"),
        ("simulator: worker\ncommand: no-such-program -x", r"the command 'no-such-program' is not there"),
        ("simulator: worker\ncommand: echo\naddress: localhost:1", r"exclude each other"),
        ("simulator: worker\naddress: nowhere", r"address: .*host:port.*'nowhere'"),
        ("simulator: worker\ncommand: echo\nworkers: 0", r"workers: .*got 0"),
    ],
)
def test_options_of_workers_are_checked(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "w.yaml").write_text(text)
    with pytest.raises(SimulatorError, match=said):
        resolve(str(tmp_path / "w.yaml"))


def test_a_simulator_from_outside_settles_and_carries(kinematic: str, on_table: Callable[..., Scene]) -> None:
    scene = on_table(
        ("cup", "cup", (0.09, 0.09, 0.07), 0.6, 0.2, 0.01, 0.0), ("pill", "capsule", (0.03, 0.03, 0.03), 0.6, 0.2, 0.02, 0.0)
    )
    with make(kinematic) as simulator:
        seen = simulator.settle(scene, Camera())
        assert seen.relations.value("inside", "pill", "cup") and seen.relations.value("contact", "cup", "table")
        assert seen.cloud.seen.all()
        outcome = simulator.execute(Job(seen.scene, SkillCall("pick_place", "cup", (0.0, -0.4, 0.012, 0.0))))
    np.testing.assert_allclose(outcome.displacements[1:], [[0.0, -0.4, 0.0]] * 2, atol=1e-3)
    assert outcome.after.relations.value("inside", "pill", "cup")


@pytest.mark.skipif(python38() is None, reason="there is no Python 3.8 with numpy")
def test_a_worker_of_python_3_8_serves_this_one() -> None:
    path = (str(Path(fail2progress.__file__).parents[1]),)
    command = (str(python38()), str(Path(kinematic_worker.__file__)))
    jobs = placements(4)
    with (
        WorkerSimulator(WorkerOptions(command=command, path=path)) as old,
        WorkerSimulator(WorkerOptions(command=KINEMATIC)) as new,
    ):
        check(list(old.execute_all(jobs)), list(new.execute_all(jobs)))


def test_a_worker_that_serves_itself_ends_and_says_so(tmp_path: Path, work: list[Job]) -> None:
    command = [sys.executable, "-m", "fail2progress.simulation.worker", str(tmp_path / "itself.yaml")]
    (tmp_path / "itself.yaml").write_text(f"simulator: worker\ncommand: {command}\nattempts: 1\n")
    simulator = make(str(tmp_path / "itself.yaml"))
    with contextlib.closing(simulator), pytest.raises(ValueError, match="that serves a worker: does it serve itself"):
        simulator.execute(work[0])


def test_a_depth_of_workers_that_is_no_number_is_told(monkeypatch: pytest.MonkeyPatch, work: list[Job]) -> None:
    monkeypatch.setenv("FAIL2PROGRESS_WORKERS_ABOVE", "many")
    simulator = WorkerSimulator(WorkerOptions(command=KINEMATIC))
    with contextlib.closing(simulator), pytest.raises(ValueError, match=r"FAIL2PROGRESS_WORKERS_ABOVE=many: .* unset it"):
        simulator.execute(work[0])
