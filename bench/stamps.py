"""A handler around a handler that notes when each step of a cold start is over.

It is put into a container beside the function, and stands alone: Python 3.8 runs it too.
`STAMP_STEPS` names what to import and what to call in turn (`module` or `module:callable`),
`STAMP_HANDLER` the module whose `handler` answers.
"""

import importlib
import os
import re
import time
from pathlib import Path
from typing import Any

STAMPS = [("runtime", time.time(), time.process_time())]

for step in os.environ["STAMP_STEPS"].split(","):
    name, _, call = step.partition(":")
    module = importlib.import_module(name)
    if call:
        getattr(module, call)()
    STAMPS.append((step, time.time(), time.process_time()))

answer = importlib.import_module(os.environ["STAMP_HANDLER"]).handler


def handler(event: Any, context: Any) -> Any:
    begin = time.time()
    reply = answer(event, context)
    end = time.time()
    peak = re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[0]
    return {
        "status": reply["statusCode"],
        "stamps": STAMPS,
        "begin": begin,
        "end": end,
        "peak": int(peak) * 1024,
    }
