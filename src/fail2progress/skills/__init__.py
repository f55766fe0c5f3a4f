"""Skill primitives phi_k with their continuous parameters a_k, one folder each (paper A.10)."""
