"""Runs of a study side by side."""
