"""Tasks, layouts of scenes, and the pre-training distribution."""
