"""The composition root: the only package that knows all the others, and how it all runs."""
