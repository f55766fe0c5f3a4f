"""Open-vocabulary segments: phrases, Grounding DINO and SAM."""
