import numpy as np

from fail2progress.core.camera import Camera


def test_a_camera_that_looks_straight_down_sees_the_robots_left_on_the_left_and_ahead_at_the_top() -> None:
    down, nearly = Camera(eye=(0.6, 0.1, 2.0), target=(0.6, 0.1, 0.5)), Camera(eye=(0.6 - 1e-6, 0.1, 2.0), target=(0.6, 0.1, 0.5))
    np.testing.assert_allclose(down.axes(), [[0, -1, 0], [-1, 0, 0], [0, 0, -1]])
    np.testing.assert_allclose(down.axes(), nearly.axes(), atol=1e-5)
    left, ahead = down.project(np.array([[0.6, 0.3, 0.5], [0.8, 0.1, 0.5]]))
    assert left[0] < 320 and ahead[1] < 240
