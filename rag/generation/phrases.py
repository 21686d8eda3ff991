"""Every phrase that Quotebound says to people of its own accord."""

ABSTENTION = "The documents do not say."
UNSUPPORTED = "not supported by the documents"
