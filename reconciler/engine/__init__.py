"""Use cases: validate, plan, apply, one pass, and when to pass."""
