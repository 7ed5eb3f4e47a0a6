"""The Python API of datasets; `bioinstruct.compile` is `compile` of `bioinstruct.api.reading`.

Each function takes records, returns `Records` or a result that prints as a table, calls `progress`
now and then, and logs what was left out to `logging.getLogger("bioinstruct")`.
"""
