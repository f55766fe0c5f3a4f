import itertools

import numpy as np
import pytest
from matplotlib.figure import Figure

from fail2progress.reporting.naming import Named, write_names

BLUE = (0.2, 0.4, 0.7)
INSIDE = [
    Named("cup_1", np.array([[0.40, 0.50], [0.48, 0.58]]), BLUE, above=True),
    Named("capsule_1", np.array([[0.43, 0.53], [0.45, 0.55]]), BLUE),
]
ROW = [Named(f"row_{i}", np.array([[0.3 + 0.03 * i, 0.5], [0.33 + 0.03 * i, 0.53]]), BLUE) for i in range(4)]


@pytest.mark.parametrize("things", [INSIDE, ROW], ids=["inside", "row"])
@pytest.mark.parametrize("turned", [False, True])
def test_names_cover_neither_each_other_nor_what_is_there(things: list[Named], turned: bool) -> None:
    figure = Figure(figsize=(6.4, 4.0), layout="constrained")
    axes = figure.add_subplot()
    axes.set(xlim=(0.2, 0.8), ylim=(0.8, 0.2) if turned else (0.2, 0.8), xlabel="x", aspect="equal")
    axes.text(0.45, 0.47, "table")
    limits = (axes.get_xlim(), axes.get_ylim())
    write_names(axes, things, 9)
    figure.draw_without_rendering()
    texts = list(axes.texts)
    extents = [text.get_window_extent() for text in texts]
    assert [text.get_text() for text in texts] == ["table", *(thing.name for thing in things)]
    assert not any(one.overlaps(other) for one, other in itertools.combinations(extents, 2))
    assert (axes.get_xlim(), axes.get_ylim()) == limits
    for thing in things:
        for extent in extents[1:]:
            middle = axes.transData.transform(thing.box.mean(axis=0))
            assert not extent.contains(*middle)


def test_a_name_is_above_what_holds_things_and_has_a_line_to_what_lies_in_it() -> None:
    figure = Figure()
    axes = figure.add_subplot()
    axes.set(xlim=(0.2, 0.8), ylim=(0.2, 0.8))
    write_names(axes, INSIDE, 9)
    cup, capsule = axes.texts
    assert cup.get_position()[1] > 0.58 and capsule.get_position()[1] < 0.50
    (line,) = axes.lines
    np.testing.assert_allclose([line.get_xdata()[1], line.get_ydata()[1]], [0.44, 0.54])
