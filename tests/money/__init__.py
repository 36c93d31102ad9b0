"""Sixty orders whose sums were worked out apart from the code that they hold to account."""
