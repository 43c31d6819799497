"""The forms in which findings are told: to people at a terminal, to forges, to editors and to other programs."""
