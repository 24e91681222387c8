#include "report_app/report_params.h"

#include <absl/strings/ascii.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <boost/describe/enum_from_string.hpp>
#include <boost/describe/enum_to_string.hpp>
#include <boost/describe/enumerators.hpp>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/mp11/algorithm.hpp>
#include <cstdint>
#include <optional>
#include <system_error>
#include <utility>

namespace report_app {
namespace {

constexpr std::size_t kSpeciesBytesMax = 60;
constexpr std::size_t kEmailBytesMax = 254;  // RFC 5321: what fits into a path.
constexpr std::size_t kEmailLocalBytesMax = 64;

template <class Enum>
std::string_view NameOf(Enum value) {
  return boost::describe::enum_to_string(value, "");
}

// "pdf, xlsx, csv or html".
template <class Enum>
std::string NamesOf() {
  std::vector<std::string_view> names;
  boost::mp11::mp_for_each<boost::describe::describe_enumerators<Enum>>(
      [&](auto enumerator) { names.emplace_back(enumerator.name); });
  const std::string_view last = names.back();
  names.pop_back();
  return fmt::format("{} or {}", fmt::join(names, ", "), last);
}

bool HasControlCharacters(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) { return absl::ascii_iscntrl(c); });
}

// Not all that RFC 5322 allows, but all that people have; and nothing that could end a header.
bool IsEmailAddress(std::string_view text) {
  const std::size_t at = text.find('@');
  if (at == std::string_view::npos || at == 0 || at > kEmailLocalBytesMax) return false;
  if (text.size() > kEmailBytesMax) return false;
  const std::string_view local = text.substr(0, at);
  const std::string_view domain = text.substr(at + 1);
  const auto in_local = [](char c) {
    return absl::ascii_isalnum(c) ||
           std::string_view("!#$%&'*+-/=?^_`{|}~.").find(c) != std::string_view::npos;
  };
  const auto in_domain = [](char c) { return absl::ascii_isalnum(c) || c == '-' || c == '.'; };
  return std::all_of(local.begin(), local.end(), in_local) && !domain.empty() &&
         std::all_of(domain.begin(), domain.end(), in_domain) && domain.front() != '.' &&
         domain.back() != '.' && domain.find("..") == std::string_view::npos;
}

// Reads the members of one body and collects what is wrong with them.
class Reader {
 public:
  Reader(const boost::json::object& body, const Choices& choices)
      : body_(body), choices_(choices) {}

  std::variant<GenerateReport, std::vector<Fault>> Read() {
    CheckNames();
    GenerateReport params;
    ReadStates(params.states);
    params.year_from = ReadYear("year_from", choices_.year_min);
    params.year_to = ReadYear("year_to", choices_.year_max);
    if (faults_.empty() && params.year_from > params.year_to) {
      Add("year_to", fmt::format("must not be before {}, the first year", params.year_from));
    }
    params.species = ReadText("species", kSpeciesBytesMax);
    ReadEnum("content", params.content);
    ReadEnum("format", params.format);
    ReadEmail(params.email);
    ReadSimulation(params.simulate);
    if (!faults_.empty()) return std::move(faults_);
    return params;
  }

 private:
  void Add(std::string_view field, std::string detail) {
    faults_.push_back({std::string(field), std::move(detail)});
  }

  void CheckNames() {
    static constexpr std::string_view kNames[] = {"states",  "year_from", "year_to", "species",
                                                  "content", "format",    "email",   "simulate"};
    for (const auto& member : body_) {
      const std::string_view name(member.key().data(), member.key().size());
      if (std::find(std::begin(kNames), std::end(kNames), name) == std::end(kNames)) {
        // At most as much of the name as helps whoever wrote it.
        Add(name.substr(0, 64),
            fmt::format("is not known; fields are {}", fmt::join(kNames, ", ")));
      }
    }
  }

  void ReadStates(std::vector<std::string>& states) {
    const boost::json::value* value = body_.if_contains("states");
    if (value == nullptr) return;
    const boost::json::array* array = value->if_array();
    if (array == nullptr) return Add("states", "must be an array of names of states");
    if (array->size() > choices_.states.size()) {
      return Add("states", fmt::format("has more entries than there are states ({})",
                                       choices_.states.size()));
    }
    for (std::size_t i = 0; i < array->size(); ++i) {
      const boost::json::string* name = (*array)[i].if_string();
      const std::string field = fmt::format("states[{}]", i);
      if (name == nullptr) {
        Add(field, "must be a string");
      } else if (!std::binary_search(choices_.states.begin(), choices_.states.end(),
                                     std::string_view(name->data(), name->size()))) {
        Add(field, "is not a state of the data; GET /choices lists them");
      } else {
        states.emplace_back(name->data(), name->size());
      }
    }
    std::sort(states.begin(), states.end());
    states.erase(std::unique(states.begin(), states.end()), states.end());
    if (states.size() == choices_.states.size()) states.clear();  // All of them.
  }

  int ReadYear(std::string_view field, int otherwise) {
    const boost::json::value* value = body_.if_contains(field);
    if (value == nullptr) return otherwise;
    // A number above 2^63 is a uint64, and not a year either.
    const std::int64_t year = value->is_int64() ? value->get_int64() : 0;
    if (year < choices_.year_min || year > choices_.year_max) {
      Add(field, fmt::format("must be a whole number from {} to {}", choices_.year_min,
                             choices_.year_max));
      return otherwise;
    }
    return static_cast<int>(year);
  }

  std::string ReadText(std::string_view field, std::size_t byte_count_max) {
    const boost::json::value* value = body_.if_contains(field);
    if (value == nullptr) return {};
    const boost::json::string* string = value->if_string();
    if (string == nullptr) {
      Add(field, "must be a string");
      return {};
    }
    const absl::string_view text =
        absl::StripAsciiWhitespace(absl::string_view(string->data(), string->size()));
    const std::string_view trimmed(text.data(), text.size());
    if (trimmed.size() > byte_count_max) {
      Add(field, fmt::format("must have at most {} bytes", byte_count_max));
      return {};
    }
    if (HasControlCharacters(trimmed)) {
      Add(field, "must not have control characters");
      return {};
    }
    return std::string(trimmed);
  }

  template <class Enum>
  void ReadEnum(std::string_view field, Enum& value) {
    const boost::json::value* found = body_.if_contains(field);
    if (found == nullptr) return;
    const boost::json::string* name = found->if_string();
    if (name == nullptr || !boost::describe::enum_from_string(name->c_str(), value) ||
        NameOf(value).size() != name->size()) {
      Add(field, fmt::format("must be {}", NamesOf<Enum>()));
    }
  }

  void ReadEmail(std::string& email) {
    email = ReadText("email", kEmailBytesMax);
    if (email.empty()) return;
    if (!choices_.email) {
      Add("email", "cannot be used: this server is not set up to send mail");
    } else if (!IsEmailAddress(email)) {
      Add("email", "must be an address like ann@example.com");
    }
  }

  void ReadSimulation(Simulation& simulate) {
    if (body_.if_contains("simulate") == nullptr) return;
    if (!choices_.simulate) {
      return Add("simulate", "cannot be used: the server runs without --allow-simulate");
    }
    ReadEnum("simulate", simulate);
  }

  const boost::json::object& body_;
  const Choices& choices_;
  std::vector<Fault> faults_;
};

std::string DescribeStates(const std::vector<std::string>& states) {
  switch (states.size()) {
    case 0:
      return "All states";
    case 1:
      return states[0];
    case 2:
      return fmt::format("{} and {}", states[0], states[1]);
    default:
      return fmt::format("{}, {} and {} more", states[0], states[1], states.size() - 2);
  }
}

}  // namespace

std::string_view FormatName(Format format) { return NameOf(format); }

std::variant<GenerateReport, std::vector<Fault>> ParseReportParams(std::string_view body,
                                                                   const Choices& choices) {
  boost::json::error_code error;
  const boost::json::value value =
      boost::json::parse(boost::json::string_view(body.data(), body.size()), error);
  if (error) {
    return std::vector<Fault>{{"", fmt::format("the body is not JSON: {}", error.message())}};
  }
  const boost::json::object* object = value.if_object();
  if (object == nullptr) return std::vector<Fault>{{"", "the body must be a JSON object"}};
  return Reader(*object, choices).Read();
}

boost::json::object ReportParamsToJson(const GenerateReport& params) {
  boost::json::object json;
  boost::json::array& states = json["states"].emplace_array();
  for (const std::string& state : params.states) states.emplace_back(state);
  json["year_from"] = params.year_from;
  json["year_to"] = params.year_to;
  json["species"] = params.species;
  json["content"] = NameOf(params.content);
  json["format"] = NameOf(params.format);
  json["email"] = params.email;
  if (params.simulate != Simulation::none) json["simulate"] = NameOf(params.simulate);
  return json;
}

std::string DescribeReport(const GenerateReport& params) {
  std::string text = DescribeStates(params.states);
  if (params.year_from == params.year_to) {
    text += fmt::format(", {}", params.year_from);
  } else {
    text += fmt::format(", {}–{}", params.year_from, params.year_to);
  }
  if (!params.species.empty()) text += fmt::format(", species “{}”", params.species);
  return text;
}

std::string ReportFileName(const GenerateReport& params, std::int64_t report_id) {
  return fmt::format("wildlife-strikes-{}.{}", report_id, NameOf(params.format));
}

}  // namespace report_app
