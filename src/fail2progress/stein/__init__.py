"""Stein variational gradient descent over bounded particles, with the Gradient baseline beside it."""
