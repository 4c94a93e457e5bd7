"""Parts of statements that are written by hand."""

import orjson
from django.core.exceptions import FullResultSet
from django.db import connection

# So many values have a parameter each.
NAMED = 8


def among(column, values):
    """(SQL, parameters) of a column that has one of `values`, of which there may be none."""
    values = list(values)
    if connection.vendor == "postgresql" and not is_named(values):
        return f"{column} = ANY(%s)", [values]
    return f"{column} IN ({', '.join(['%s'] * len(values)) or 'NULL'})", values


def is_named(values):
    """Whether PostgreSQL is told each of these values, and not an array of them.

    It keeps the plan of a statement by its text, and takes it for other values if it costs no more than a
    plan for these alone; an array it expects to have ten. But everybody is in another number of spaces, which
    would be as many texts.
    """
    return len(values) == 1 or (0 < len(values) <= NAMED and isinstance(values[0], str))


def among_many(column, values):
    """The same of any number of integers or texts, of which SQLite, too, keeps but one statement."""
    if connection.vendor == "postgresql":
        return among(column, values)
    return f"{column} IN (SELECT value FROM json_each(%s))", [orjson.dumps(list(values)).decode()]  # noqa: S608


def as_rows(values, kind, name="said"):
    """(SQL, parameters) of a table whose column `value` has these values, of a type of PostgreSQL's."""
    values = list(values)
    if connection.vendor != "postgresql":
        return f"json_each(%s) AS {name}", [orjson.dumps(values).decode()]
    if 0 < len(values) <= NAMED:
        return f"(VALUES {', '.join([f'(%s::{kind})'] * len(values))}) AS {name} (value)", values
    return f"unnest(%s::{kind}[]) AS {name} (value)", [values]


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
