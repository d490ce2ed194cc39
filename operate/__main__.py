"""`python -m operate doctor`, `cost` and `rollback`: checks, the bill, and the version before."""

import sys
from importlib import import_module

COMMANDS = {
    "doctor": "operate.doctor.command",
    "cost": "operate.cost",
    "rollback": "operate.rollback",
}


def main() -> None:
    """Runs the command that the first argument names."""
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name not in COMMANDS:
        sys.exit(f"usage: python -m operate {'|'.join(COMMANDS)} [OPTIONS]")
    import_module(COMMANDS[name]).app(sys.argv[2:], prog_name=f"make {name}")


if __name__ == "__main__":
    main()
