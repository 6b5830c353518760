"""What watches over a study: guard, cost, progress, adoption of finished work."""
