"""The command line: fail2progress <command>, each thin over the rooms."""
