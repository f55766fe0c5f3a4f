"""Failures of rebuilt assets as typed signals: five measurements, one bounded edit each, and the loop that applies them."""
