"""SROS 2: who may say and hear what, and the keys for it."""
