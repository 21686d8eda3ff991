"""`python -m rag.cli`: the command, where its script is not installed."""

from rag.cli.main import main

main()
