"""`python -m billing.sandbox`: runs the sandbox until it is told to stop."""

from billing.sandbox.command import main

if __name__ == "__main__":
    main()
