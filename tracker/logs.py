"""What must not stand in a log."""

import logging
import re

SECRETS = re.compile(r"(/invitations/(?!accept/)|/password-reset/[^/\s]+/)[^/\s]+")


class HideLinks(logging.Filter):
    """Blanks the secret of a link that lets somebody in: Django logs the path of what it refuses."""

    def filter(self, record):
        record.msg, record.args = SECRETS.sub(r"\1[secret]", record.getMessage()), ()
        return True
