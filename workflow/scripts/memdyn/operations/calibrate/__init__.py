"""`memdyn plan --calibrate`: what a study's jobs take on this machine, measured on a small piece of each in a minute."""
