"""The geometric segmenter: planes, support surfaces, regions, and how they are merged and split."""
