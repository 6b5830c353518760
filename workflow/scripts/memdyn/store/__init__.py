"""File formats: scores, checkpoints, masks, tables, logs."""
