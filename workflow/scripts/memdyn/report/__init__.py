"""Figures and the self-contained page of a study, drawn from its tables."""
