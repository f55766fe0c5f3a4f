"""A robot manipulation stack that learns from its failures.

A skill effect model predicts which relations hold after each skill. Where the robot observes others, the failure is
rebuilt in simulation, Stein variational inference finds scenes and actions like it, and the model is fine-tuned on what
they teach (Fail2Progress, CoRL 2025). Units are SI throughout; frames follow REP-103 and REP-105.
"""

__version__ = "0.2.0"
