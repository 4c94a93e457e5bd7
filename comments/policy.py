"""What the policy's table calls a verb on a comment: it differs by whose comment it is."""

from comments.models import Comment
from issues.policy import may


def verb_on(verb, author, user):
    """`edit` or `delete` as the table has it, for a comment of the author with this primary key."""
    return f"{verb}_own_comment" if author == user.pk else f"{verb}_comment"


def may_change(request, verb, author, space):
    """Whether the person may `edit` or `delete` a comment of this author."""
    return may(request, verb_on(verb, author, request.user), space)


def may_attach(request, owner):
    """Whether the person may put files on this issue or comment, and take them off."""
    if isinstance(owner, Comment):
        return may_change(request, "edit", owner.author_id, owner.issue.space_id)
    return may(request, "write", owner.space_id)
