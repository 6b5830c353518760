"""The experiment's design: who is a member of which model, and every seed."""
