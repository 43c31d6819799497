"""What holds a change back, in sentences: which guard it is, and what to do."""

from typing import Final

HOLDS: Final = {
    "on-air": (
        "The on-air guard: viewers would notice this change, and what it disturbs is on air, or could not be proven to "
        "be off air, as the decision says. Approve exactly this change, or wait until it is off air."
    ),
    "far-end": (
        "The guard of far ends: it would send to where another output sends that is on air, or could not be proven to "
        "be off air, as the decision says, and that one would be cut. Let that one go first, wait until it is off air, "
        "or approve exactly this change."
    ),
    "budget": (
        "The safety budget: this revision would delete or edit too large a share of our objects. If that is meant, "
        "commit an Override that lifts `budget`; if not, look what is missing from the checkout."
    ),
    "tree": (
        "The tree guard: the manifests have suspiciously few of our objects, or many new names at once. Were files "
        "moved, or left out of the checkout? If it is meant, commit an Override that lifts `tree`."
    ),
    "window": (
        "A window of a calendar forbids it now. `reconciler calendar --next 7d` shows when it may be written; an "
        "Override that lifts `window` lets it through."
    ),
    "protected": (
        "Deletion protection: it bears `protect`. Take that away in one commit, and delete it or have it made anew in "
        "a later one. No approval and no Override lifts it."
    ),
    "redundancy": (
        "The redundancy group: an output that stands in for it is not on air, or is being changed itself. This one "
        "goes on as soon as that one is on air."
    ),
    "ownership": "Ownership: the object on the backend is not ours. `reconciler adopt` takes it over on request.",
    "rename": (
        "The rename guard: it looks like something that is there under another name. If it is, commit a Move document, "
        "so that nothing is deleted and made anew."
    ),
    "flip-flop": (
        "The flip-flop guard: somebody else sets it back again and again, so it is corrected no more. Find out who "
        "writes it: another reconciler, or people in the console."
    ),
    "unreadable": (
        "Its region could not be read completely, so nothing is created or deleted there; or it may be in a region "
        "that could not be read, and is not made twice. It goes on once the region can be read."
    ),
    "again": "A delete must be wanted in two passes at least 10 s apart. If it still is, the next pass does it.",
    "twin": "What replaces it is there, and does not deliver as it does yet. It is looked at every few seconds.",
    "given-up": (
        "It was tried, came to nothing, and what was there before stays: what was to replace it did not deliver in "
        "time, or a call was refused after another one had cut it. Mend what the decision names; then a new revision "
        "of the manifests or a new approval tries again."
    ),
    "drift": (
        "Somebody else has changed it, or may have, and metadata.drift says that it is told, or put right off air "
        "alone. Change the manifest, put the live object back, or approve exactly this change."
    ),
    "halted": (
        "Somebody stopped all writes, by `reconciler pause --all` or the file HALT in the state directory. Nothing is "
        "sent until `reconciler resume --all`."
    ),
    "paused": (
        "Somebody paused it, or something that the change would take away with it. It goes on when the pause ends, or "
        "with `reconciler resume` and the name that the decision says."
    ),
    "unfit": "The backend does not allow it, or manifests cannot say what is there. The decision says what to change.",
}
"""By the word of the journal (`hold` of a `change.blocked`)."""
