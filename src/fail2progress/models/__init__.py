"""Skill effect models behind one interface, their training, checkpoints, and the store of versions."""
