"""How tests read OpenAPI documents."""

from jsonschema import Draft202012Validator, FormatChecker


def operations(document):
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield path, method, operation


def references(value):
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            yield from references(inner)


def resolve(document, reference):
    value = document
    for step in reference.removeprefix("#/").split("/"):
        value = value[step]
    return value


def as_json_schema(value):
    """JSON Schema of an OpenAPI 3.0 schema: `nullable` is another type."""
    if isinstance(value, list):
        return [as_json_schema(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    schema = {key: as_json_schema(inner) for key, inner in value.items() if key != "nullable"}
    return {"anyOf": [{"type": "null"}, schema]} if value.get("nullable") is True else schema


def validator(document, schema):
    return Draft202012Validator(
        as_json_schema({"components": document["components"], "allOf": [schema]}),
        format_checker=FormatChecker(),
    )
