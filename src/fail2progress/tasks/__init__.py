"""Tasks as data, layouts of scenes, and the pre-training distribution."""

DEFAULT = "hierarchical-tabletop"
"""The task that commands work on unless another is named."""
