"""Auxiliary objectives that a method can be trained with; none yet."""
