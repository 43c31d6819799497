"""HTTP for people and machines: health, metrics, what is true now and what happened, and the door for webhooks."""
