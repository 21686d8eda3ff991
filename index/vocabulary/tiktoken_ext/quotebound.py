"""tiktoken's plug-in point: makes `tiktoken.get_encoding("quotebound_cl100k")` work offline."""

from index.vocabulary import ENCODING_NAME, encoding_parameters

ENCODING_CONSTRUCTORS = {ENCODING_NAME: encoding_parameters}
