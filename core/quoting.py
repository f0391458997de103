"""How a refusal quotes what was typed."""


def quoted(typed: str) -> str:
    """In «», at most 40 characters, none that a log, JSON or a terminal would choke on."""
    visible = "".join(character for character in typed.strip() if character.isprintable())
    return f"«{visible[:39]}…»" if len(visible) > 40 else f"«{visible}»"
