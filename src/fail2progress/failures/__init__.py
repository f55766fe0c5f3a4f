"""Failures as typed records: what a failure is, the store, detection and classification."""
