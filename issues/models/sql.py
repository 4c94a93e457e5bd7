"""Parts of statements that are written by hand."""

import orjson
from django.core.exceptions import FullResultSet
from django.db import connection


def among(column, values):
    """(SQL, parameters) of a column that has one of `values`, of which there may be none.

    PostgreSQL keeps the plan of a statement by its text; with an array that is one however many there are.
    """
    values = list(values)
    if connection.vendor == "postgresql":
        return f"{column} = ANY(%s)", [values]
    return f"{column} IN ({', '.join(['%s'] * len(values)) or 'NULL'})", values


def among_many(column, values):
    """The same of any number of integers or texts, of which SQLite, too, keeps but one statement."""
    if connection.vendor == "postgresql":
        return among(column, values)
    return f"{column} IN (SELECT value FROM json_each(%s))", [orjson.dumps(list(values)).decode()]  # noqa: S608


def as_rows(values, kind):
    """(SQL, parameters) of a table whose column `value` has these, of a type of PostgreSQL's."""
    if connection.vendor == "postgresql":
        return f"unnest(%s::{kind}[]) AS said (value)", [list(values)]
    return "json_each(%s) AS said", [orjson.dumps(list(values)).decode()]


def along_index(column, values):
    """The same of integers, of which PostgreSQL expects a few and so looks each up in an index."""
    if connection.vendor == "postgresql":
        return f"{column} = ANY(ARRAY(SELECT unnest(%s::bigint[])))", [list(values)]
    return among_many(column, values)


def where_of(rows):
    """(SQL, parameters) of what a queryset that joins nothing asks of each row, ("", []) if nothing;
    EmptyResultSet where it cannot hold.
    """
    query = rows.query
    if sum(1 for uses in query.alias_refcount.values() if uses) > 1:
        raise ValueError("A condition looks into other tables by subqueries.")
    try:
        return query.get_compiler("default").compile(query.where)
    except FullResultSet:
        return "", []


def asked_of_each(sql):
    """The same conditions, whose EXISTS PostgreSQL asks of each row along the path that it takes.

    It joins no subquery with an OFFSET, nor makes a list of all of which it holds.
    """
    return sql.replace(" LIMIT 1)", " LIMIT 1 OFFSET 0)") if connection.vendor == "postgresql" else sql
