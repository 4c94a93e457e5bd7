"""Parts of statements that are written by hand."""

from django.db import connection


def among(column, values):
    """(SQL, parameters) of a column that has one of `values`, of which there may be none.

    PostgreSQL keeps the plan of a statement by its text; with an array that is one however many there are.
    """
    values = list(values)
    if connection.vendor == "postgresql":
        return f"{column} = ANY(%s)", [values]
    return f"{column} IN ({', '.join(['%s'] * len(values)) or 'NULL'})", values
