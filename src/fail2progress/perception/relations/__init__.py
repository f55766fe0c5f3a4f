"""Relation detectors: from segmented clouds to probabilities of relations."""
