"""Pre-training data in shards, their preparation, and pre-training on them."""
