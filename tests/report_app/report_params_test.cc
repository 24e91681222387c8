#include "report_app/report_params.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <ostream>
#include <string>
#include <variant>
#include <vector>

#include "outlive/core/args.h"

namespace {

using report_app::Choices;
using report_app::Content;
using report_app::Fault;
using report_app::Format;
using report_app::GenerateReport;
using report_app::Simulation;

Choices SomeChoices() {
  return {.states = {"DC", "Texas", "Utah"},
          .year_min = 1990,
          .year_max = 2002,
          .email = true,
          .simulate = true};
}

GenerateReport Good(const std::string& body, const Choices& choices = SomeChoices()) {
  const auto parsed = report_app::ParseReportParams(body, choices);
  REQUIRE(std::holds_alternative<GenerateReport>(parsed));
  return std::get<GenerateReport>(parsed);
}

std::vector<Fault> Bad(const std::string& body, const Choices& choices = SomeChoices()) {
  const auto parsed = report_app::ParseReportParams(body, choices);
  REQUIRE(std::holds_alternative<std::vector<Fault>>(parsed));
  return std::get<std::vector<Fault>>(parsed);
}

void CheckFault(const std::string& body, const std::string& field, const std::string& detail) {
  CAPTURE(body);
  CHECK(Bad(body) == std::vector<Fault>{{field, detail}});
}

}  // namespace

TEST_CASE("an empty wish is a PDF summary of everything") {
  const GenerateReport params = Good("{}");
  CHECK(params.states.empty());
  CHECK(params.year_from == 1990);
  CHECK(params.year_to == 2002);
  CHECK(params.content == Content::summary);
  CHECK(params.format == Format::pdf);
  CHECK(params.simulate == Simulation::none);
}

TEST_CASE("the same wish in other words is the same job") {
  const GenerateReport a = Good(R"({"states":["Utah","DC","Utah"],"species":" hawk "})");
  const GenerateReport b = Good(R"({"species":"hawk","year_to":2002,"states":["DC","Utah"]})");
  CHECK(outlive::EncodeArgs(a).value() == outlive::EncodeArgs(b).value());
  // All states by name are all states.
  CHECK(Good(R"({"states":["Utah","DC","Texas"]})").states.empty());
}

TEST_CASE("every field of a wish arrives") {
  const GenerateReport params = Good(
      R"({"states":["Texas"],"year_from":1995,"year_to":1995,"species":"Owl","content":"detail",)"
      R"("format":"xlsx","email":"ann.o'neil+x@mail.example.com","simulate":"fail_once"})");
  CHECK(params.states == std::vector<std::string>{"Texas"});
  CHECK(params.year_from == 1995);
  CHECK(params.year_to == 1995);
  CHECK(params.species == "Owl");
  CHECK(params.content == Content::detail);
  CHECK(params.format == Format::xlsx);
  CHECK(params.email == "ann.o'neil+x@mail.example.com");
  CHECK(params.simulate == Simulation::fail_once);
  CHECK(outlive::DecodeArgs<GenerateReport>(outlive::EncodeArgs(params).value()).value() == params);
}

TEST_CASE("a wrong type or value is refused at its field") {
  const std::string year = "must be a whole number from 1990 to 2002";
  CheckFault(R"({"states":"Texas"})", "states", "must be an array of names of states");
  CheckFault(R"({"states":[1]})", "states[0]", "must be a string");
  CheckFault(R"({"states":["DC","texas"]})", "states[1]",
             "is not a state of the data; GET /choices lists them");
  CheckFault(R"({"states":["DC","DC","DC","DC"]})", "states",
             "has more entries than there are states (3)");
  CheckFault(R"({"year_from":1989})", "year_from", year);
  CheckFault(R"({"year_to":2003})", "year_to", year);
  CheckFault(R"({"year_to":"2000"})", "year_to", year);
  CheckFault(R"({"year_to":2000.5})", "year_to", year);
  CheckFault(R"({"year_to":null})", "year_to", year);
  CheckFault(R"({"year_to":18446744073709551615})", "year_to", year);
  CheckFault(R"({"year_from":2000,"year_to":1999})", "year_to",
             "must not be before 2000, the first year");
  CheckFault(R"({"species":5})", "species", "must be a string");
  CheckFault(R"({"species":"a\u0000b"})", "species", "must not have control characters");
  CheckFault(R"({"species":")" + std::string(61, 'a') + R"("})", "species",
             "must have at most 60 bytes");
  CheckFault(R"({"content":"all"})", "content", "must be summary or detail");
  CheckFault(R"({"format":"PDF"})", "format", "must be pdf, xlsx, csv or html");
  CheckFault(R"({"format":"pdf\u0000x"})", "format", "must be pdf, xlsx, csv or html");
  CheckFault(R"({"format":["pdf"]})", "format", "must be pdf, xlsx, csv or html");
}

TEST_CASE("addresses that no mail could go to are refused") {
  for (const std::string address :
       {"ann", "@example.com", "ann@", "ann@.example.com", "ann@example..com", "ann@exam ple.com",
        "a b@example.com", "ann@example.com>", "<ann@example.com>", "ann@b@c.com",
        "\\\"ann\\\"@b.com"}) {
    CheckFault(fmt::format(R"({{"email":"{}"}})", address), "email",
               "must be an address like ann@example.com");
  }
  CheckFault(R"({"email":"ann@example.com\r\nBcc: bob@example.com"})", "email",
             "must not have control characters");
}

TEST_CASE("unknown fields and every other fault are told at once") {
  const std::vector<Fault> faults = Bad(R"({"stats":[],"format":"doc","year_from":0})");
  REQUIRE(faults.size() == 3);
  CHECK(faults[0].field == "stats");
  CHECK(faults[0].detail.find("is not known; fields are states, year_from") == 0);
  CHECK(faults[1].field == "year_from");
  CHECK(faults[2].field == "format");
}

TEST_CASE("what is not a JSON object is refused as a whole") {
  for (const std::string body :
       {"", "{", "{\"states\":}", "{\"a\":1}x", "{'a':1}", "\xff{}", "{\"species\":\"\xff\"}"}) {
    const std::vector<Fault> faults = Bad(body);
    CHECK(faults.size() == 1);
    CHECK(faults[0].field.empty());
    CHECK(faults[0].detail.find("the body is not JSON: ") == 0);
  }
  CheckFault("[]", "", "the body must be a JSON object");
  CheckFault("null", "", "the body must be a JSON object");
  // Deeper than any reader of JSON should follow.
  CHECK(Bad(std::string(10'000, '[')).size() == 1);
}

TEST_CASE("mail and failing on purpose have to be switched on") {
  Choices choices = SomeChoices();
  choices.email = false;
  choices.simulate = false;
  CHECK(Bad(R"({"email":"ann@example.com"})", choices)[0].field == "email");
  CHECK(Bad(R"({"simulate":"fail"})", choices)[0].field == "simulate");
  CHECK(Good(R"({"email":""})", choices).email.empty());
}

TEST_CASE("reports are named for people") {
  CHECK(DescribeReport(Good("{}")) == "All states, 1990–2002");
  CHECK(DescribeReport(Good(R"({"states":["Utah","DC"],"year_to":1990,"species":"owl"})")) ==
        "DC and Utah, 1990, species “owl”");
  CHECK(ReportFileName(Good(R"({"format":"xlsx"})"), 17) == "wildlife-strikes-17.xlsx");
  GenerateReport many;
  many.states = {"A", "B", "C", "D"};
  CHECK(DescribeReport(many).find("A, B and 2 more") == 0);
}
