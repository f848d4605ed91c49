"""A command that must fail, and with which code.

    from refusal import refused
    refused(26, lambda: database.command("validate", "none"))
"""

from pymongo.errors import OperationFailure


def refused(code, run):
    """`run` fails with that code: what the server said of it."""
    try:
        run()
    except OperationFailure as error:
        assert error.code == code, error.details
        return error.details
    raise AssertionError(f"it was let through, and should fail with {code}")
