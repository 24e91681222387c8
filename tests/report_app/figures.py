"""What a report must say, computed straight from the CSV file and by nothing of the app."""

import csv
import os

CSV = os.path.join(os.path.dirname(__file__), "../../examples/report_app/data",
                   "faa_wildlife_strikes.csv")


def records(states=(), year_from=1990, year_to=2002, species=""):
    """The chosen records, by date and then by their place in the file."""
    with open(CSV, newline="", encoding="utf-8") as file:
        chosen = [
            record for record in csv.DictReader(file)
            if (not states or record["Origin State"] in states)
            and year_from <= int(record["Flight Date"][:4]) <= year_to
            and species.lower() in record["Wildlife Species"].lower()
        ]
    return sorted(chosen, key=lambda record: record["Flight Date"])


def totals(chosen):
    """Strikes, damaging strikes, and cost in dollars."""
    return (len(chosen), sum(record["Effect Amount of damage"] != "None" for record in chosen),
            sum(int(record["Cost Total $"]) for record in chosen))


def groups(chosen, column):
    """The totals of each value of a column."""
    names = {record[column] for record in chosen}
    return {name: totals([r for r in chosen if r[column] == name]) for name in names}


def by_year(chosen):
    years = {record["Flight Date"][:4] for record in chosen}
    return {year: totals([r for r in chosen if r["Flight Date"][:4] == year]) for year in years}
