"""MiniStack, with one thing as Lambda has it: an update ends no copy that is at work.

MiniStack removes every container of a function whose code is updated, also one that is in the midst
of a request to a published version. New versions get new containers all the same.
"""

import sys

from hypercorn.__main__ import main
from ministack.services import lambda_svc

if __name__ == "__main__":
    lambda_svc._pool_kill_function = lambda account, name: None
    sys.exit(main(["ministack.app:app", "--workers", "0", *sys.argv[1:]]))
