"""A question in, an answer out that is bound to verbatim quotes."""
