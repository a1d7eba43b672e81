"""`python -m stream` is `steno-server`."""

from stream.cli import main

raise SystemExit(main())
