#include "report_app/formats.h"

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

}  // namespace

std::unique_ptr<outlive::Renderer> MakeRenderer(const GenerateReport& params) {
  switch (params.format) {
    case Format::pdf:
      return std::make_unique<outlive::PdfRenderer>();
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
