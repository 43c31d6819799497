"""What the use cases ask of the world, and the values that cross."""
