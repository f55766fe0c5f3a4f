import io
import json
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from fail2progress.simulation.base import Disturbances
from fail2progress.simulation.parallel import serving
from fail2progress.simulation.wire import host as room
from fail2progress.simulation.wire.frames import Frame, read_frame, write_frame
from fail2progress.simulation.wire.host import Host
from fail2progress.simulation.wire.records import job_record
from fail2progress.simulation.wire.serving import join, serve
from fail2progress.skills.base import SkillCall
from fail2progress.tasks.pretraining import job
from support import kinematic_worker


def answers(host: Host, request: Frame) -> list[Frame]:
    reader, writer = io.BytesIO(), io.BytesIO()
    write_frame(reader, request)
    reader.seek(0)
    serve(host, reader, writer)
    writer.seek(0)
    return list(iter(lambda: read_frame(writer), None))


def test_a_job_that_cannot_be_read_is_refused_and_those_before_it_are_not(tmp_path: Path) -> None:
    """Also by a simulator that takes jobs ahead of their turn, as one of other processes does."""
    jobs = [job_record(job(4, number)) for number in range(4)]
    jobs[2].header["call"] = {**jobs[2].header["call"], "skill": "levitate"}
    choice = tmp_path / "two.json"
    choice.write_text(json.dumps({"simulator": "worker", "command": serving("mujoco"), "batch": 4}))
    found = []
    for host in (Host("mujoco"), Host(str(choice))):
        with host.simulator:
            found.append(answers(host, join(jobs)))
    for said in found:
        assert [(frame.kind, frame.header["index"]) for frame in said] == [
            *(("outcome", number) for number in (0, 1)),
            ("refused", 2),
            ("outcome", 3),
        ]
        assert "unknown skill 'levitate'" in said[2].header["message"]
    for one, other in zip(*found, strict=True):
        assert set(one.arrays) == set(other.arrays)
        assert all(np.array_equal(one.arrays[name], other.arrays[name], equal_nan=True) for name in one.arrays)


def test_a_job_in_a_physics_that_the_simulator_does_not_know_is_refused_for_that_reason(tmp_path: Path) -> None:
    choice = tmp_path / "tracks.json"
    command = [sys.executable, str(Path(kinematic_worker.__file__)), "tracks"]
    choice.write_text(json.dumps({"simulator": "worker", "command": command}))
    slippery = replace(job(4, 0), disturbances=Disturbances(surface=0.5))
    nobody = replace(slippery, call=SkillCall("push", "nobody", (0.0, 0.1)))
    host = Host(str(choice))
    with host.simulator:
        said = answers(host, join([job_record(slippery), job_record(nobody)]))
    assert [frame.header["reason"] for frame in said] == ["physics", ""]


def test_what_a_connection_had_started_ends_with_it(tmp_path: Path) -> None:
    behind, choice = tmp_path / "behind.json", tmp_path / "choice.json"
    behind.write_text(json.dumps({"simulator": "mujoco"}))
    choice.write_text(json.dumps({"simulator": "worker", "command": serving(str(behind))}))
    ours, theirs = socket.socketpair()
    with ours, ours.makefile("rwb") as stream:
        write_frame(stream, join([job_record(job(4, 0))]))
        ours.shutdown(socket.SHUT_WR)
        room._serve_connection(str(choice), theirs)
        assert [frame.kind for frame in iter(lambda: read_frame(stream), None)] == ["outcome"]
    said = subprocess.run(["ps", "-ww", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert str(behind) not in said
