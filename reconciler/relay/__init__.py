"""
The embedded StreamLink: the same API, served here, with media engines behind it.

`service` composes it. `api` speaks HTTP and the API's words, `plane` and `catalogue` keep what was asked for, `giving`
hands out addresses and keys, `carriage` has the engines follow.
"""
