"""A user's own code, `path/to/file.py:Name` in the config: what it consists of, whether it fits, how it is loaded.

Its folder is importable for it, and for nothing else: a file can be split into several, two users' helpers of one name
do not meet, and nothing of Python or of the installed packages is hidden.
"""
