"""Pre-training data, targeted data sets, fine-tuning, the gate, and the registry of models."""
