"""Which measures of copies go with what they cost: ranks, regressions, words."""
