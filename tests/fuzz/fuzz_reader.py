"""
`make fuzz`: bytes that nobody thought of, through the whole of reading. Coverage tells which ones led somewhere new.

Whatever they are, reading ends without an exception, soon, and every finding has a place within the file. Prints how
many inputs were tried; an input that fails is written down beside the others, which are tests from then on.
"""

import sys

import atheris

with atheris.instrument_imports():
    from tests.fuzz.promise import keep


def main() -> None:
    """Fuzz until the options of libFuzzer say that it is enough."""
    atheris.Setup(sys.argv, keep)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
