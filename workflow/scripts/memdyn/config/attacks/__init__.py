"""The attacks that a study can ask for, and their options."""
