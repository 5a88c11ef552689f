"""Answers SQL with DuckDB: a statement a line as JSON text, a line of rows as JSON back, or an object with an error."""

import json
import sys

import duckdb


def text(value):
    return "true" if value is True else "false" if value is False else str(value)


def main():
    connection = duckdb.connect(sys.argv[1])
    for line in sys.stdin:
        try:
            rows = connection.execute(json.loads(line)).fetchall()
            answer = [[text(value) for value in row] for row in rows]
        except duckdb.Error as error:
            answer = {"error": str(error)}
        print(json.dumps(answer), flush=True)


main()
