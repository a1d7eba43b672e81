"""Measures a server: many live sessions at once over recordings with references, and what came of them.

The command is `steno bench`; what talks to a server is in `talk`, `load` and `usage`.
"""
