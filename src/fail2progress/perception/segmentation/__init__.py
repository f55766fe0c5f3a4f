"""Segmenters: from an RGB-D frame to segments."""

DEFAULT = "fused"
"""The segmenter of real images, by its name."""
