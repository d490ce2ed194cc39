"""`python -m local`: see `local.serve`."""

import signal

if __name__ == "__main__":
    # Ctrl-C ends it at once, and in silence, as long as there is nothing to be ended in order.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from .serve import main

    main()
