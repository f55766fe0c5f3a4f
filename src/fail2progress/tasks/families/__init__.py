"""Families of executions that the pre-training distribution lacks, made as item files."""
