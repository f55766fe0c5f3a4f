"""Skill effect models: shape encoder, dynamics and decoders, their losses, training, and checkpoints."""
