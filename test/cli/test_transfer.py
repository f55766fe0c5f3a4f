import json


def test_rows_are_a_list_of_objects(run) -> None:
    done = run("transfer", "drawer-tidying", "--robot", "stretch_re2", "--trials", "1", "--json")
    rows = json.loads(done.stdout)
    assert isinstance(rows, list) and done.exit_code == int(bool(rows))
    assert all({"task", "robot", "skill", "object", "code", "margin", "evidence"} <= set(row) for row in rows)


def test_mistakes(refuses) -> None:
    assert "unknown robot 'pr2'" in refuses("transfer", "drawer-tidying", "--robot", "pr2")
    assert "nothing-like-it" in refuses("transfer", "nothing-like-it")
