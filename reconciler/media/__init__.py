"""Publish and receive media as an outsider would, and handle the programs that do it."""
