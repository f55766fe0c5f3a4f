"""The Stretch in MuJoCo."""
