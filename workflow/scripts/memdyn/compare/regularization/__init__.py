"""Runs against a baseline: what their mechanisms change, and what may be said of it."""
