import json
from pathlib import Path


def test_ls_says_which_can_run_here_and_why_not(run) -> None:
    result = run("simulators", "ls", "--json")
    rows = {row["name"]: row for row in json.loads(result.stdout)}
    assert rows["mujoco"]["available"] and rows["mujoco"]["reason"] is None
    assert not rows["worker"]["available"] and "needs a file with the option `command`" in rows["worker"]["reason"]
    shown = run("simulators", "ls")
    assert shown.stderr == "" and "mujoco" in shown.stdout


def test_check_gives_the_figures(run) -> None:
    result = run("simulators", "check", "mujoco", "--jobs", 10, "--json")
    assert result.exit_code == 0, result.output
    values = json.loads(result.stdout)
    assert (values["jobs"], values["same_relations"], values["within_10_mm"], values["passed"]) == (10, 1.0, 1.0, True)


def test_check_fails_below_the_bar(run, kinematic: str) -> None:
    result = run("simulators", "check", kinematic, "--jobs", 10, "--json")
    assert result.exit_code == 1
    assert not json.loads(result.stdout)["passed"]
    assert result.stderr.splitlines()[-1].startswith(f"fail2progress: {kinematic} does not conform: ")


def test_bench_gives_a_rate(run) -> None:
    values = json.loads(run("simulators", "bench", "mujoco", "--jobs", 3, "--json").stdout)
    assert values["executions_per_s"] > 0 and 0 < values["share_in_physics"] <= 1


def test_mistakes_are_one_line(refuses, tmp_path: Path) -> None:
    assert "unknown simulator 'bullet'; known: " in refuses("simulators", "check", "bullet")
    assert "cannot be read as a simulator's options" in refuses("simulators", "bench", tmp_path / "none.yaml")
    assert "--listen nowhere: must be host:port" in refuses("sim-worker", "--listen", "nowhere")
    assert "unknown simulator 'bullet'" in refuses("sim-worker", "--simulator", "bullet", "--listen", "127.0.0.1:0")
