"""What may stand where somebody types `@…`, `#…` or `OPS-…` in a text: people and issues of its space."""

import re

from django.contrib.auth.decorators import login_required
from django.db.models import Q
from django.http import Http404
from django.shortcuts import render
from django.views.decorators.http import require_safe

from issues import lookups, search
from issues.markdown import MENTIONED
from issues.models import Issue
from issues.words import words

MOST = 8
# A word is found by its beginning if it has so many letters; most issues have one with fewer.
LETTERS = 2
LENGTH = 100
DIGITS = 9
NAME = re.compile(MENTIONED)


@login_required
@require_safe
def text_complete(request):
    """Options for a listbox: `word` is what was typed last, `space` the key of the space of the text."""
    space = lookups.find_space(request.user, request.GET.get("space", ""))
    if space is None:
        raise Http404
    word = request.GET.get("word", "")[:LENGTH]
    if word.startswith("@"):
        options = people(space, word[1:])
    elif word.startswith("#"):
        options = issues(request.user, space, word[1:])
    else:
        options = issues_of_key(request.user, word)
    return render(request, "issues/_text_completions.html", {"options": options})


def people(space, beginning):
    """(what to put in, name of the person) of members whose handle or one of whose names begins so."""
    begins = Q(name__istartswith=beginning) | Q(name__icontains=f" {beginning}")
    members = lookups.people_of([space.pk]).filter(begins | Q(handle__istartswith=beginning))
    found = {person.uuid: person for person in members[:MOST]}
    names = lookups.called(found.values())
    return [(f"@{name}", names[uuid]) for uuid, person in found.items() if (name := mention(person))]


def mention(person):
    """What mentions a person: their handle, or their name where they have none; "" if neither can."""
    names = (person.handle, ".".join(person.name.split()))
    return next((name for name in names if NAME.fullmatch(name)), "")


def issues(user, space, beginning):
    """(key, title) of issues of the space whose number or a word of which begins so, or the newest."""
    rows = Issue.objects.visible_to(user).filter(space=space)
    if beginning.isascii() and beginning.isdigit():
        return numbered(rows, beginning)
    phrase = search.Phrase.of(beginning, is_open=True)
    if any(len(word) >= LETTERS for word in words(beginning)):
        roles = {space.pk: user.space_roles()[space.pk]}
        rows = rows.filter(pk__in=search.newest(search.source(roles, [(phrase,)]), MOST))
    elif beginning:
        return []
    return documents(rows.order_by("-pk"))


def issues_of_key(user, key):
    """(key, title) of the issues whose key begins so."""
    name, _, digits = key.partition("-")
    space = lookups.find_space(user, name)
    if space is None or (digits and not (digits.isascii() and digits.isdigit())):
        return []
    rows = Issue.objects.visible_to(user).filter(space=space)
    return numbered(rows, digits) if digits else documents(rows.order_by("-pk"))


def numbered(rows, digits):
    """Issues whose number begins with these digits, the shortest first."""
    first = int(digits)
    if not first or len(digits) > DIGITS:
        return []
    begins = Q(number=first)
    for places in range(1, DIGITS - len(digits) + 1):
        begins |= Q(number__range=(first * 10**places, (first + 1) * 10**places - 1))
    return documents(rows.filter(begins).order_by("number"))


def documents(rows):
    found = rows.values_list("space__key", "number", "title")[:MOST]
    return [(f"{space}-{number}", title) for space, number, title in found]
