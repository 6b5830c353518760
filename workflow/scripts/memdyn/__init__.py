"""memdyn: how the membership of single training samples leaks while a deep network trains."""
