"""Close a drawer on a Stretch: its handle is held and moved, as for opening, until the drawer is shut or resists."""

from __future__ import annotations

from fail2progress.skills.open_drawer.stretch import program

__all__ = ["program"]
