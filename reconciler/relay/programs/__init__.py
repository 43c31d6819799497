"""
Engines: stand-alone programs of the distribution's Python, each carrying one flow.

They import the standard library, `gi` where GStreamer is needed, and each other; nothing else of ours. The control
plane copies this folder into the flow's own before it starts one, so that an engine neither needs to read our
installation (it may run as another user) nor notices an upgrade of it.
"""
