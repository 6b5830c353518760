"""The vulnerability plane: per-sample states, their centre of mass, effect sizes and zones."""
