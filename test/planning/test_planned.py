"""A planned skill, of the things that are known when it is carried out."""

import numpy as np

from fail2progress.core.relations import BINARY, UNARY, RelationState
from fail2progress.planning.planned import PlannedSkill
from fail2progress.skills.base import SkillCall

ABOVE = BINARY.index("above")


def test_what_was_not_there_is_expected_to_stay_and_what_has_gone_is_left_out() -> None:
    binary = np.zeros((3, 3, len(BINARY)))
    binary[0, 2, ABOVE] = 0.9
    expected = RelationState(("cup", "can", "table"), binary, np.zeros((3, len(UNARY))))
    shift = np.array([[0.1, 0.2, 0.3], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    planned = PlannedSkill(SkillCall("pick_place", "cup", (0.1, 0.2, 0.3, 0.0), "table"), expected, shift)
    assert planned.of(expected.names) is planned
    now = planned.of(("table", "new", "cup"))
    assert now.expected.names == ("table", "new", "cup") and now.call == planned.call
    assert now.expected.value("above", "cup", "table") == 0.9 and now.expected.value("above", "new", "table") == 0.0
    np.testing.assert_array_equal(now.displacement, [[0, 0, 0], [0, 0, 0], [0.1, 0.2, 0.3]])
