"""Training of the learned segmenter: procedural scenes, sensors, and the training itself."""
