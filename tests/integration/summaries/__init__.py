"""Daily summaries on real servers; conftest.py has what each test starts from."""
