"""The loop: perceive, plan, act, monitor, learn."""
