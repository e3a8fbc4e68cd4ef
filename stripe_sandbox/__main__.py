"""`python -m stripe_sandbox`: runs the sandbox until it is stopped."""

from stripe_sandbox.command import main

if __name__ == "__main__":
    main()
