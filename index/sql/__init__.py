"""The catalog on SQLite, through SQLAlchemy Core: tables, rows, transactions, and what is made of them."""
