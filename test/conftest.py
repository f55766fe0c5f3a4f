import os

# Set before torch and matplotlib are imported: workers share the cores, and no display is needed.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")

from hypothesis import settings

# A deadline per example measures how busy the machine is.
settings.register_profile("fail2progress", deadline=None)
settings.load_profile("fail2progress")
