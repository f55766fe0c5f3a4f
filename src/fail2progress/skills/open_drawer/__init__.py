"""Pull a drawer's handle."""
