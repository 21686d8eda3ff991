"""What the answers are worth on public sets: measured beside simpler systems, and told as docs/quality.md."""
