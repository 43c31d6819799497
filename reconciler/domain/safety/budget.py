"""The budget: how much of what is ours one difference may delete or edit, however many passes it takes."""

from collections.abc import Collection
from dataclasses import dataclass
from math import floor

from reconciler.domain.changes import Plan
from reconciler.domain.safety.limits import FEW, Circumstances, Counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What is left of it, in words; "" where it is kept."""

    deletes: str
    edits: str


def budget(plan: Plan, around: Circumstances) -> Budget:
    """
    Return what the whole difference asks for beyond the limits: what is planned, and what was done for it already.

    What an override lets pass counts all the same: an exception for one thing is none for another.
    """
    whole, live = around.spent.with_done(plan.changes), around.marked
    # What was deleted bears no mark any more, and counted when the difference began; what was made anew counts once.
    base = len({*live, *(id_ for _, id_ in around.spent.deleted)})
    anew = {key for key, id_ in whole.edited if id_ in live}
    other = {(key, id_) for key, id_ in whole.edited if id_ in live or key not in anew}
    limits = around.limits
    return Budget(
        deletes=_beyond("delete", whole.deleted, base, share=limits.delete_share, few=1),
        edits=_beyond("edit", other, base, share=limits.edit_share, few=None),
    )


def _beyond(verb: str, objects: Collection[Counted], base: int, *, share: float, few: int | None) -> str:
    limit = few if base < FEW else floor(share * base)
    if limit is None or len(objects) <= limit:
        return ""
    named = ", ".join(sorted(str(key) for key, _ in objects)[:3]) + (", …" if len(objects) > len("abc") else "")
    least = f"{share:.0%} of them" if base >= FEW else f"{limit} of so few"
    return (
        f"the manifests would {verb} {len(objects)} of our {base} objects ({named}), and {least} is the most that one "
        f"difference may; nothing is {'deleted' if verb == 'delete' else 'edited'} until the manifests change, or an "
        "Override document with `lifts: [budget]` says why"
    )
