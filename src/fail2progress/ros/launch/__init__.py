"""Processes of the stack: launch descriptions, environment, supervision."""
