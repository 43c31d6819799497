"""The embedded StreamLink: the same API, served here, with media engines behind it."""
