"""Why an image cannot be used."""

from typing import Any


class ImageError(Exception):
    """An image that cannot be used. `reason` is one of quarantine.csv's reasons; the message is its detail."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel between processes with both arguments."""
        return (ImageError, (self.reason, str(self)))


class UndeclaredDepthError(ImageError):
    """A 16-bit file that does not say how many of its bits are used; `level` is the highest value in it."""

    def __init__(self, level: int) -> None:
        super().__init__("unsupported", f"16-bit values up to {level}, and nothing says how many bits are used")
        self.level = level

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel between processes with its one argument."""
        return (UndeclaredDepthError, (self.level,))
