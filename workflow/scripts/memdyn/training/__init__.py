"""Trains blocks of shadow models, resumable at every epoch."""
