"""A skill from outside the package: pull an object along by pressing on it from above. One folder, nothing else."""
