"""Grasp an object and release it at the grasp pose plus an offset."""
