"""Pictures and pages made from what was measured."""
