"""The one exception for what a user can cause and mend."""


class ScraplineError(Exception):
    """Something the user can mend; its message says what is wrong, where, and what to do."""
