"""From a failure to a better model: targeted data, rehearsal, fine-tuning, the acceptance test."""
