"""Skill primitives phi_k with their continuous parameters a_k: names, units and bounds (paper A.10)."""
