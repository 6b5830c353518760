"""Mechanics of jobs that change no number: files that appear whole, leases, retention, heap."""
