"""Push a drawer shut."""
