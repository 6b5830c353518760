"""Names of artifacts: digests of code, fingerprints of data, recipes, and what a job records."""
