"""Tests run side by side with one thread each: threads that wait for each other spin, and take what others need."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read when numpy and torch are imported, which is after this
