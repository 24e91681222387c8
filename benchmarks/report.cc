#include "benchmarks/report.h"

#include <fmt/format.h>

#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>
#include <cmath>
#include <string_view>

namespace outlive::bench {
namespace {

// 61,234 or 0.612.
std::string Number(double value) {
  if (std::abs(value) < 1'000) return fmt::format("{:.3g}", value);
  std::string digits = fmt::format("{:.0f}", value);
  for (std::size_t at = digits.size(); at > 3;) {
    at -= 3;
    digits.insert(at, 1, ',');
  }
  return digits;
}

// 58,000–63,100; nothing where there was one run.
std::string Range(const Spread& spread) {
  if (spread.min == spread.max) return "";
  return fmt::format("{}–{}", Number(spread.min), Number(spread.max));
}

std::string Quoted(std::string_view text) {
  return boost::json::serialize(boost::json::string(text.data(), text.size()));
}

void AddSpread(std::string& json, std::string_view name, const std::optional<Spread>& spread) {
  if (!spread) {
    json += fmt::format(R"(,"{}":null)", name);
    return;
  }
  json += fmt::format(R"(,"{0}":{1:.6g},"{0}_min":{2:.6g},"{0}_max":{3:.6g})", name, spread->median,
                      spread->min, spread->max);
}

constexpr std::string_view kRow =
    "{:<25} {:<10} {:>9} {:<17} {:>9} {:<17} {:>6} {:<12} {:<15} {}\n";

}  // namespace

std::string TableHead(const Conditions& conditions) {
  std::string text;
  for (const auto& [name, value] : conditions) text += fmt::format("{:<12} {}\n", name, value);
  text += "\n";
  text += fmt::format(kRow, "measure", "unit", "ours", "min–max", "limit", "min–max", "share",
                      "min–max", "bar", "reached");
  return text;
}

std::string TableRow(const Figure& figure) {
  const std::string title =
      figure.name == "rate" ? figure.measure : fmt::format("{} {}", figure.measure, figure.name);
  const std::string bar = figure.bar.Text();
  const Spread none;
  const Spread& limit = figure.limit ? *figure.limit : none;
  const Spread& share = figure.share ? *figure.share : none;
  std::string text =
      fmt::format(kRow, title, figure.unit, Number(figure.ours.median), Range(figure.ours),
                  figure.limit ? Number(limit.median) : "", Range(limit),
                  figure.share ? Number(share.median) : "", Range(share), bar,
                  bar.empty()           ? ""
                  : figure.ReachesBar() ? "yes"
                                        : "no");
  if (figure.limit) text += fmt::format("    limit: {}\n", figure.limit_is);
  return text;
}

std::string JsonLine(const Figure& figure, const Conditions& conditions) {
  std::string json = fmt::format(
      R"({{"measure":{},"figure":{},"store":{},"durability":{},"unit":{})", Quoted(figure.measure),
      Quoted(figure.name), Quoted(figure.store), Quoted(figure.durability), Quoted(figure.unit));
  AddSpread(json, "ours", figure.ours);
  AddSpread(json, "limit", figure.limit);
  AddSpread(json, "share", figure.share);
  json += fmt::format(R"(,"pairs":{},"limit_is":{})", figure.pairs, Quoted(figure.limit_is));
  const std::string bar = figure.bar.Text();
  json += bar.empty() ? std::string(R"(,"bar":null,"reached":null)")
                      : fmt::format(R"(,"bar":{},"reached":{})", Quoted(bar), figure.ReachesBar());
  json += R"(,"conditions":{)";
  for (std::size_t i = 0; i < conditions.size(); ++i) {
    const auto& [name, value] = conditions[i];
    json += fmt::format("{}{}:{}", i == 0 ? "" : ",", Quoted(name), Quoted(value));
  }
  json += "}}";
  return json;
}

}  // namespace outlive::bench
