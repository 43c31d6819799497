"""`make long`: shows that take minutes, at which nobody may see a gap."""
