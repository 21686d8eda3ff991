"""Every phrase that Quotebound says of its own accord."""

ABSTENTION = "The documents do not say."
