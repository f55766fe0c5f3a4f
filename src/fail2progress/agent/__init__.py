"""The loop: perceive, plan, act, monitor, learn; and the Robot that it drives."""
