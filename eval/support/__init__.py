"""How far a quote supports a written sentence: fitting the score, and measuring what it is worth."""
