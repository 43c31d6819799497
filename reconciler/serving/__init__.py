"""HTTP inside an event loop that is not its own, with bounds on who may connect: for the relay and the service."""
