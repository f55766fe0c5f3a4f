"""What `perceive` says of files before it loads anything that takes seconds."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import sys
from fail2progress.cli.__main__ import main
sys.argv = ["fail2progress", "perceive", *sys.argv[1:]]
try:
    main()
finally:
    print([name for name in ("torch", "mujoco", "fail2progress.perception.segmentation.registry") if name in sys.modules])
"""


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("frames",), "other and scene in it have some each: give one of them, as frames/other"),
        (("frames/other",), "no camera file for 0"),
        (("frames/rgb.png",), "needs a depth image after it"),
        (("frames/rgb.png", "frames/none.png", "--camera", "frames/rgb.png"), "there is no frames/none.png"),
        (("frames/rgb.png", "frames/rgb.png"), "which camera?"),
        (("frames/rgb.png", "frames/rgb.png", "--camera", "frames/rgb.png", "--page", "page.txt"), "ends in .html"),
    ],
)
def test_mistakes_in_what_is_named_are_told_before_anything_heavy_is_loaded(
    tmp_path: Path, arguments: tuple[str, ...], says: str
) -> None:
    for name in ("rgb.png", "scene/rgb/0.png", "scene/depth/0.png", "other/0_rgb.png", "other/0_depth.png"):
        path = tmp_path / "frames" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"nothing")
    done = subprocess.run([sys.executable, "-c", SCRIPT, *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and says in done.stderr.replace("\n", " "), done.stderr
    assert done.stdout == "[]\n"
