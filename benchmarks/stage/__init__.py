"""A relay of one's own in a process of its own, and everybody around it: for measurements and long shows."""
