"""A local imitation of Meta's WhatsApp Business Cloud API over real HTTP: `python -m sandbox`.

Written from Meta's published contract and from no client of it; it imports nothing from `core`, so
that a wrong idea in one is not repeated in the other.
"""
