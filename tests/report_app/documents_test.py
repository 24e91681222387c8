"""The documents in every format, compared with figures computed straight from the CSV file."""

import csv
import datetime
import html.parser
import io
import re
import subprocess
import tempfile
import unittest

import openpyxl

import figures
from harness import App, need

WISHES = [
    {},
    {"states": ["Texas", "DC"], "year_from": 1994, "year_to": 1999},
    {"species": "STARLING", "year_to": 1995},
    {"states": ["Utah"], "year_from": 2002, "species": "no such bird"},
]


def chosen(wish):
    return figures.records(**wish)


def money(dollars):
    return f"${dollars:,}"


class DocumentsTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.app = cls.enterClassContext(App())
        cls.user = cls.app.client()

    def make(self, wish, content, file_format):
        _, response = self.user.document({**wish, "content": content, "format": file_format})
        return response.body

    def pdf_text(self, pdf):
        with tempfile.NamedTemporaryFile(suffix=".pdf") as file:
            file.write(pdf)
            file.flush()
            info = subprocess.run([need("pdfinfo"), file.name], check=True, capture_output=True)
            text = subprocess.run([need("pdftotext"), "-layout", file.name, "-"], check=True,
                                  capture_output=True)
        pages = int(re.search(r"Pages:\s+(\d+)", info.stdout.decode()).group(1))
        return pages, text.stdout.decode()

    def check_facts(self, text, records):
        strikes, damaging, cost = figures.totals(records)
        for name, value in (("Strikes", f"{strikes:,}"), ("Damaging strikes", f"{damaging:,}"),
                            ("Reported cost", money(cost))):
            self.assertRegex(text, rf"{name}\s+{re.escape(value)}(?!\S)")

    def test_pdf_summary(self):
        for wish in WISHES:
            with self.subTest(wish=wish):
                pages, text = self.pdf_text(self.make(wish, "summary", "pdf"))
                records = chosen(wish)
                self.check_facts(text, records)
                for state, (strikes, damaging, cost) in figures.groups(records,
                                                                       "Origin State").items():
                    self.assertRegex(
                        text, rf"{state}\s+{strikes:,}\s+{damaging:,}\s+{re.escape(money(cost))}")
                self.assertEqual(re.findall(r"Page (\d+) of", text),
                                 [str(n) for n in range(1, pages + 1)])

    def test_pdf_detail_has_every_strike(self):
        for wish in WISHES[1:]:
            with self.subTest(wish=wish):
                _, text = self.pdf_text(self.make(wish, "detail", "pdf"))
                records = chosen(wish)
                self.check_facts(text, records)
                dates = re.findall(r"^\s*(\d{4}-\d\d-\d\d) +[A-Z]", text, re.MULTILINE)
                self.assertEqual(dates, [record["Flight Date"] for record in records])

    def test_pdf_of_everything(self):
        pages, text = self.pdf_text(self.make({}, "detail", "pdf"))
        self.check_facts(text, chosen({}))
        self.assertEqual(len(re.findall(r"^\s*\d{4}-\d\d-\d\d +[A-Z]", text, re.MULTILINE)), 10_000)
        self.assertIn(f"Page {pages} of {pages}", text)
        self.assertGreater(pages, 50)

    def test_xlsx_detail(self):
        for wish in WISHES:
            with self.subTest(wish=wish):
                book = openpyxl.load_workbook(io.BytesIO(self.make(wish, "detail", "xlsx")))
                rows = list(book["Strikes"].iter_rows(values_only=True))
                records = chosen(wish)
                self.assertEqual(rows[0], ("Date", "State", "Airport", "Airline", "Aircraft",
                                           "Phase", "Species", "Damage", "Cost", "Knots"))
                self.assertEqual([self.as_record(row) for row in rows[1:] if row[1]],
                                 [self.expected(record) for record in records])

    @staticmethod
    def as_record(row):
        return (row[0].date() if isinstance(row[0], datetime.datetime) else row[0], *row[1:])

    @staticmethod
    def expected(record):
        speed = record["Speed IAS in knots"]
        return (datetime.date.fromisoformat(record["Flight Date"]), record["Origin State"],
                record["Airport Name"], record["Aircraft Airline Operator"],
                record["Aircraft Make Model"], record["Phase of flight"],
                record["Wildlife Species"], record["Effect Amount of damage"],
                int(record["Cost Total $"]), int(speed) if speed else None)

    def test_xlsx_summary(self):
        for wish in WISHES[:3]:
            with self.subTest(wish=wish):
                book = openpyxl.load_workbook(io.BytesIO(self.make(wish, "summary", "xlsx")))
                records = chosen(wish)
                rows = list(book["By state"].iter_rows(values_only=True))
                self.assertEqual({row[0]: row[1:4] for row in rows[1:]},
                                 figures.groups(records, "Origin State"))
                rows = list(book["Most frequent species"].iter_rows(values_only=True))
                species = figures.groups(records, "Wildlife Species")
                self.assertEqual([row[1] for row in rows[1:]],
                                 sorted((of[0] for of in species.values()), reverse=True)[:10])
                self.assertEqual([row[1:4] for row in rows[1:]],
                                 [species[row[0]] for row in rows[1:]])
                self.assertEqual(len(book.worksheets[0]._charts), 3)  # No public way.
                self.assertNotIn("Strikes", book.sheetnames)
                self.check_charts(book, wish, records)

    def check_charts(self, book, wish, records):
        """What the charts are drawn from: strikes by year and by phase, cost by state."""
        tables, rows = {}, book["Figures"].iter_rows(values_only=True)
        for title, *_ in rows:
            if title:
                next(rows)  # The names of the columns.
                tables[title] = []
                for name, value, *_ in rows:
                    if not name:
                        break
                    tables[title].append((name, value))
        years = range(wish.get("year_from", 1990), wish.get("year_to", 2002) + 1)
        by_year = figures.by_year(records)
        self.assertEqual(tables.pop("Strikes by year"),
                         [(str(year), by_year.get(str(year), (0,))[0]) for year in years])
        phases = figures.groups(records, "Phase of flight")
        self.assertEqual(dict(tables.pop("Strikes by phase of flight")),
                         {phase: strikes for phase, (strikes, _, _) in phases.items()})
        states = figures.groups(records, "Origin State")
        (title, costs), = tables.items()
        self.assertTrue(title.startswith("Cost by state"))
        self.assertEqual([cost for _, cost in costs],
                         sorted((cost for _, _, cost in states.values()), reverse=True)[:12])
        self.assertEqual(costs, [(state, states[state][2]) for state, _ in costs])

    def test_what_the_summary_says(self):
        records = chosen(WISHES[1])
        dates = [record["Flight Date"] for record in records]
        _, text = self.pdf_text(self.make(WISHES[1], "summary", "pdf"))
        strikes, damaging, cost = figures.totals(records)
        self.assertIn(f"{strikes:,} strikes were reported, from {min(dates)} to {max(dates)}; "
                      f"{damaging:,} of them damaged the aircraft.", " ".join(text.split()))
        for phase, (strikes, _, _) in figures.groups(records, "Phase of flight").items():
            self.assertIn(phase, text)
            self.assertRegex(text, rf"(?<!\S){strikes:,}(?!\S)")
        self.assertIn("Cost by state", text)

    def test_one_strike(self):
        wishes = ({"states": [record["Origin State"]], "species": record["Wildlife Species"],
                   "year_from": 1990, "year_to": 1990} for record in chosen({}))
        wish, (record,) = next((wish, found) for wish in wishes if len(found := chosen(wish)) == 1)
        page = self.make(wish, "summary", "html").decode()
        self.assertIn(f"One strike was reported, on {record['Flight Date']}.", page)
        damage = record["Effect Amount of damage"]
        self.assertIn("It did not damage" if damage == "None" else "It damaged", page)

    def test_nothing_matches(self):
        for content in ("summary", "detail"):
            with self.subTest(content=content):
                page = self.make(WISHES[3], content, "html").decode()
                self.assertIn("No strike in the data matches these choices.", page)
                self.assertNotIn("<svg", page)

    def test_csv_detail(self):
        for wish in WISHES:
            with self.subTest(wish=wish):
                text = self.make(wish, "detail", "csv").decode()
                rows = list(csv.reader(io.StringIO(text, newline="")))
                records = chosen(wish)
                self.assertEqual(rows[0][:2], ["Date", "State"])
                self.assertEqual([[row[0], row[6], int(row[8])] for row in rows[1:]],
                                 [[record["Flight Date"], record["Wildlife Species"],
                                   int(record["Cost Total $"])] for record in records])

    def test_csv_summary_has_the_tables(self):
        text = self.make(WISHES[1], "summary", "csv").decode()
        records = chosen(WISHES[1])
        for state, totals in figures.groups(records, "Origin State").items():
            self.assertIn(",".join([state, *map(str, totals)]) + "\r\n", text)

    def test_html_detail(self):
        page = self.make(WISHES[1], "detail", "html").decode()
        records = chosen(WISHES[1])

        class Text(html.parser.HTMLParser):
            def __init__(self):
                super().__init__()
                self.text, self.rows = [], 0

            def handle_starttag(self, tag, attrs):
                self.rows += tag == "tr"

            def handle_data(self, data):
                self.text.append(data)

        parser = Text()
        parser.feed(page)
        self.check_facts(" ".join(" ".join(parser.text).split()), records)
        self.assertGreater(parser.rows, len(records))
        self.assertNotIn("<script", page)

    def test_text_of_the_user_is_text(self):
        page = self.make({"species": "<script>alert(1)</script>"}, "summary", "html").decode()
        self.assertIn("&lt;script&gt;", page)
        self.assertNotIn("<script>", page)


if __name__ == "__main__":
    unittest.main()
