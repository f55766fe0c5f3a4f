import json

from fail2progress.models.registry import MODELS


def test_models_are_listed_with_what_they_can_do_and_their_weights(run) -> None:
    result = run("models", "kinds", "--json")
    assert result.exit_code == 0, result.output
    found = {one["name"]: one for one in json.loads(result.stdout)}
    assert set(found) == set(MODELS.names())
    assert found["points2plans"]["variants"] == ["relational", "plain"]
    assert {"plain.safetensors", "relational.safetensors"} <= set(found["points2plans"]["weights"])
    assert "predicts displacement" in found["stow-gnn"]["capabilities"]
    assert "predicts displacement" not in found["binary-pred"]["capabilities"]
    assert all(one["source"] == "fail2progress" for one in found.values())


def test_for_people_there_is_a_table(run) -> None:
    result = run("models", "kinds")
    assert result.exit_code == 0 and "points2plans" in result.stdout
