import pytest

from fail2progress.core.stages import Stages


def test_each_stage_is_reported_as_it_begins_and_timed() -> None:
    said: list[str] = []
    stages = Stages(said.append)
    with stages("states"):
        assert said == ["states"] and not stages.seconds
    with pytest.raises(ZeroDivisionError), stages("actions"):
        _ = 1 // 0
    assert said == ["states", "actions"] == list(stages.seconds)
    assert all(spent >= 0.0 for spent in stages.seconds.values())
