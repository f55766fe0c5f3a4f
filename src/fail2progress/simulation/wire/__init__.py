"""The worker protocol: jobs and outcomes as frames of bytes, for a simulator in another process and Python version."""
