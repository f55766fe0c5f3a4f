"""What several tests use: imitated robots, an oracle model, made samples and messages."""
