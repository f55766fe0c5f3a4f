"""Segmenters: from an RGB-D frame to segments."""

DEFAULT = "geometric"
"""The segmenter of real images, by its name."""
