"""A file a section of the page: its figures, its tables and their captions."""
