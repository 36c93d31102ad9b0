"""Runs rooms: partition batches in, one transaction out, state restored from its own topic."""
