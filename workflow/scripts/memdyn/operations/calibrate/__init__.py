"""`memdyn plan --calibrate`: what a study's jobs take on this machine, measured on small pieces in a minute."""
