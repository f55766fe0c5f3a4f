"""What training of any model shares: batches of transitions, losses, metrics, data-parallel steps."""
