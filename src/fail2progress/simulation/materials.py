"""What things are made of, the same in every simulator."""

from __future__ import annotations

DENSITY = 350.0
"""Of movable things, in kg/m^3: a cup weighs about 60 g, a 4 cm cube 22 g."""
FRICTION = 0.9
"""Sliding friction between things."""
DRAWER_DAMPING = 4.0
"""Of a drawer on its rails, in N s/m."""
DRAWER_FRICTION = 0.3
"""Of a drawer on its rails, in N."""
DRAWER_TRAVEL = 0.8
"""Share of its depth by which a drawer can be pulled out."""
