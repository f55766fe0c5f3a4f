"""Physics: one Simulator interface, its backends, the camera by ray casting, and the tasks."""
