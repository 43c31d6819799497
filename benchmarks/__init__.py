"""Measurements beside the peers, and shows that take minutes; figures for people, never tests."""
