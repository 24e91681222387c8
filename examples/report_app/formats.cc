#include "report_app/formats.h"

#include <utility>

#include "outlive/report/csv_renderer.h"
#include "outlive/report/html_renderer.h"
#include "outlive/report/pdf_renderer.h"
#include "outlive/report/xlsx_renderer.h"
#include "report_app/report_builder.h"

namespace report_app {
namespace {

// A file of single strikes holds nothing else, so that any program can read it.
outlive::CsvOptions CsvOptionsFor(const GenerateReport& params) {
  outlive::CsvOptions options;
  if (params.content == Content::detail) {
    options.select = [](const outlive::Table& table) { return table.title == kStrikesTitle; };
  }
  return options;
}

// The table of strikes has more columns than fit on a page upright.
outlive::PdfOptions PdfOptionsFor(const GenerateReport& params,
                                  std::function<void(std::string_view warning)> on_warning) {
  outlive::PdfOptions options;
  options.landscape = params.content == Content::detail;
  options.margin = 42;
  options.on_warning = std::move(on_warning);
  return options;
}

}  // namespace

std::unique_ptr<outlive::Renderer> MakeRenderer(
    const GenerateReport& params, std::function<void(std::string_view warning)> on_warning) {
  switch (params.format) {
    case Format::pdf:
      return std::make_unique<outlive::PdfRenderer>(PdfOptionsFor(params, std::move(on_warning)));
    case Format::xlsx:
      return std::make_unique<outlive::XlsxRenderer>();
    case Format::csv:
      return std::make_unique<outlive::CsvRenderer>(CsvOptionsFor(params));
    case Format::html:
      return std::make_unique<outlive::HtmlRenderer>();
  }
  return nullptr;
}

}  // namespace report_app
