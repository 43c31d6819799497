"""
Faults on purpose, for tests: the relay answers as the cloud may on a bad day, when and as often as it is told.

Each knob stands around the handlers of the API, as one more handler; nothing else of the relay knows of them, and a
relay without faults has none of this in its way. `docs/faults.md` describes every knob.
"""
