"""The rules of the product: values in, values out; no IO, clock, randomness, logging or environment."""
