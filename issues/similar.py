"""Likely duplicates of an issue: those whose titles have the same rare words, out of the index of words."""

from itertools import pairwise
from math import log

from django.db import connection

from issues import search
from issues.models import SearchDocument
from issues.models.sql import among
from issues.words import words

MOST = 10
# Of a title so many words are looked for, the longest, since short ones are seldom rare; and of the issues
# that have one so many, the newest.
WORDS, NEWEST = 8, 100
# Words of other titles that this one has not weigh as common ones.
COMMON = log(2)
LEAST = 0.25


def similar(roles, title, but=None):
    """[(primary key, score, words that both titles have)] of at most MOST issues, the likeliest first.

    `roles` are {space: role} of the spaces where to look, `but` is the issue that is none. The score is the
    part of both titles that they share, where a word weighs more the rarer it is. Two statements.
    """
    own = list(dict.fromkeys(words(title)))
    longest = sorted(own, key=len, reverse=True)[:WORDS]
    wanted = [word for word in own if word in longest]
    if not (wanted and roles):
        return []
    groups = [*((word,) for word in wanted), *pairwise(wanted), tuple(wanted)]
    found = newest_with(groups, roles, but)
    weights = {word: log(1 + NEWEST / max(len(keys), 1)) for word, keys in zip(wanted, found, strict=False)}
    return best(set().union(*found), weights)


def newest_with(groups, roles, but):
    """For each of these groups of words the set of the newest issues that have them all in their title."""
    parts, parameters = [], []
    among_spaces, spaces = among("issues_issue.space_id", roles)
    for at, group in enumerate(groups):
        source = search.titled(roles, group)
        parts.append(
            f"SELECT {at}, found.id FROM (SELECT {source.id} AS id FROM {source.table} "
            f"JOIN issues_issue ON issues_issue.id = {source.id} AND {among_spaces} "
            f"WHERE {source.where} ORDER BY {source.id} DESC LIMIT {NEWEST + 1}) AS found"
        )
        parameters += [*spaces, *source.parameters]
    found = [set() for _ in groups]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(parts), parameters)
        for at, pk in cursor.fetchall():
            found[at].add(pk)
    return [keys - {but} for keys in found]


def best(keys, weights):
    """The likeliest of these issues; `weights` are those of the words of the title in question."""
    whole, rated = sum(weights.values()), []
    for pk, title in SearchDocument.objects.filter(pk__in=keys).values_list("pk", "title"):
        own = set(title.split())
        shared = [word for word in weights if word in own]
        score = sum(weights[word] for word in shared) / (whole + COMMON * len(own - weights.keys()))
        if score >= LEAST:
            rated.append((pk, round(score, 3), shared))
    return sorted(rated, key=lambda row: (-row[1], -row[0]))[:MOST]
