"""Statistics that the stages share: ROC, intervals, jackknife, null tests, multiple testing."""
