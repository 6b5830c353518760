"""The typed configuration; torch-free."""
