"""The page around the sections: what it is told, its record of figures, words, findings, checks, and the template."""
