"""``python -m p33_tasks.cli`` is ``p33``, for a process that knows its interpreter but not its PATH."""

from p33_tasks.cli import main

if __name__ == "__main__":
    main()
