"""Questions that the documents at hand answer, for who does not know yet what to ask. No model makes them."""

from rag.examples.candidates import Candidate, candidates_of, sampled
from rag.examples.choosing import Choosing, examples

__all__ = ["Candidate", "Choosing", "candidates_of", "examples", "sampled"]
