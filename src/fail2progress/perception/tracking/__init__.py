"""Identities of segments over time."""
