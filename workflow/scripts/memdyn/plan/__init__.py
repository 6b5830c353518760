"""From a study to stages, folders and jobs; torch-free."""
