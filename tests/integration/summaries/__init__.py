"""Daily summaries on real servers: see conftest.py for what each test starts from."""
