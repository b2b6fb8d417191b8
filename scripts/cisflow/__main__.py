"""``python -m cisflow``: the same as the command ``cisflow``."""

import sys

from cisflow.cli.main import main

sys.exit(main())
