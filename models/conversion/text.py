"""Text of a stranger's file, made fit to print."""

LONGEST = 200


def plain(text: object, longest: int = LONGEST) -> str:
    """`text` on one line, cut to `longest` characters, with all that is not printable escaped.

    A name in a file may hold terminal codes that hide what comes before them.
    """
    whole = str(text)
    cut = whole[:longest]
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in cut)
    return shown + ("…" if len(whole) > longest else "")
