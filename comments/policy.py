"""What the policy's table calls a verb on a comment: it differs by whose comment it is."""

from issues.policy import may


def verb_on(verb, author, user):
    """`edit` or `delete` as the table has it, for a comment of the author with this primary key."""
    return f"{verb}_own_comment" if author == user.pk else f"{verb}_comment"


def may_change(request, verb, author, space):
    """Whether the person may `edit` or `delete` a comment of this author."""
    return may(request, verb_on(verb, author, request.user), space)
