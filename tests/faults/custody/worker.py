"""A process that does what a test tells it: a line of JSON with Python statements in, how they ended out."""

import json
import sys

space = {}
for line in sys.stdin:
    try:
        exec(json.loads(line), space)
        end = "ok"
    except BaseException as error:
        end = "\n".join([f"{type(error).__name__}: {error}", *getattr(error, "__notes__", [])])
    print(json.dumps(end), flush=True)
