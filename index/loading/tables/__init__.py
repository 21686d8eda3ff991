"""Workbooks and tables as text: rows with the names of their columns."""
