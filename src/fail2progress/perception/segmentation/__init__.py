"""Segmenters: from an RGB-D frame to segments."""
