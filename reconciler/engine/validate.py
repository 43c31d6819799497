"""Say what is wrong in a tree of manifests, without asking anybody."""

from reconciler.ports.source import Reader, Source, Verdict


async def validate(source: Source, reader: Reader) -> Verdict:
    """
    Return every finding of the tree as it is now, and what it desires when none of them is an error.

    Raises:
        SourceUnreadableError: the tree as a whole cannot be read.

    """
    snapshot = await source.snapshot()
    return reader.read(snapshot.files)
