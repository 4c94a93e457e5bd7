"""Bodies that come in chunks (RFC 9112, 7.1), as many clients send what they stream."""

from contextlib import suppress
from tempfile import SpooledTemporaryFile

from issues.limits import UPLOAD

PIECE = 2**16
# What is larger waits in a file.
IN_MEMORY = 2**20


def with_length(application):
    """The WSGI application, to which a body in chunks comes with its length: Django takes it for empty else.

    The server has to say that its input ends with the body (`wsgi.input_terminated`). Of a body over all
    limits no more is read than shows that it is, and one that breaks off is left to the application.
    """

    def serve(environ, start_response):
        if "HTTP_TRANSFER_ENCODING" not in environ or not environ.get("wsgi.input_terminated"):
            return application(environ, start_response)
        # It goes with the request that reads it.
        body = SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115
        with suppress(OSError):
            size = copied(environ["wsgi.input"], body)
            environ |= {"wsgi.input": body, "CONTENT_LENGTH": str(size)}
            del environ["HTTP_TRANSFER_ENCODING"]
        return application(environ, start_response)

    return serve


def copied(source, body):
    """Copy a stream from its place on, and no more than UPLOAD and a piece; the number of bytes."""
    size = 0
    while size <= UPLOAD and (piece := source.read(PIECE)):
        size += body.write(piece)
    body.seek(0)
    return size
