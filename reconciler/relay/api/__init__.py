"""The relay's control plane: requests in the API's words."""
