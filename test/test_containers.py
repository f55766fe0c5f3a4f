"""How docker/README.md has people run the images: what is learnt is kept, a stop ends motion, and images have room."""

import json
import re
import shlex
from itertools import pairwise

from fail2progress.core.runs import ROOT as RUNS
from fail2progress.ros import graph as table
from fail2progress.ros.launch.restarts import GRACE
from fail2progress.ros.launch.shared_memory import PROFILES, taken
from support.images import IMAGES, ROOT, instructions, texts


def documented() -> dict[str, list[list[str]]]:
    """Words of every `docker run` of docker/README.md, by image."""
    text = (ROOT / "docker" / "README.md").read_text().replace("\\\n", " ")
    found: dict[str, list[list[str]]] = {}
    for command in re.findall(r"^    (docker run [^&\n]+)", text, re.M):
        words = shlex.split(command)
        (image,) = (word for word in words if re.fullmatch(r"fail2progress-\w+", word))
        found.setdefault(image.removeprefix("fail2progress-"), []).append(words)
    return found


def test_a_launch_in_a_container_is_stopped_as_by_a_person_and_waited_for() -> None:
    """At SIGTERM `ros2 launch` leaves its nodes, which the container's end then kills."""
    launching = [image for image in IMAGES if json.loads(texts(image, "CMD")[0])[0] == "ros2"]
    assert {image.name for image in launching} == {"robot.Dockerfile", "sim.Dockerfile"}
    assert all(texts(image, "STOPSIGNAL") == ["SIGINT"] for image in launching)
    kills_after = 5.0  # launch's own sigkill_timeout, after sigterm_timeout
    for words in documented()["robot"]:
        assert float(words[words.index("--stop-timeout") + 1]) > GRACE + kills_after


def test_what_is_learnt_on_the_robot_is_kept_in_a_volume_that_its_user_may_write_to() -> None:
    image = ROOT / "docker" / "robot.Dockerfile"
    made = [(step.name, step.text) for step in instructions(image)]
    home = texts(image, "WORKDIR")[-1]
    after_user = made[made.index(("USER", "stretch")) :]
    assert ("RUN", f"mkdir {RUNS}") in after_user and ("WORKDIR", home) in after_user
    for words in documented()["robot"]:
        volumes = [words[at + 1] for at, word in enumerate(words) if word == "-v"]
        assert f"fail2progress:{home}/{RUNS}" in volumes


def test_documented_containers_have_shared_memory_for_every_stack() -> None:
    commands = documented()
    assert set(commands) == {"robot", "sim"}
    nodes = max(map(len, table.STACKS.values()))
    needed = nodes * taken({PROFILES[0]: str(ROOT / "config" / "ros" / "fastdds.xml")})
    for words in (*commands["robot"], *commands["sim"]):
        (given,) = [word.partition("=")[2] for word in words if word.startswith("--shm-size=")] or [""]
        shares_the_hosts = ("--ipc", "host") in pairwise(words)
        assert shares_the_hosts if not given else int(given.removesuffix("m")) * 2**20 > needed
