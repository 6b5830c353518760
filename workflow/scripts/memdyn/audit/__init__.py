"""Lower bounds of epsilon, from models whose members were drawn sample by sample."""
