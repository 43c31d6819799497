"""What manifests must keep, one rule a finding."""
