"""``python -m p33_tasks.cli`` is ``p33``, for a process that has its interpreter's path but no PATH."""

from p33_tasks.cli import main

if __name__ == "__main__":
    main()
