"""Manifests in git: of a commit of the repository here, or of a branch that is followed on a server."""
