// The renderer of each format.
#ifndef OUTLIVE_EXAMPLES_REPORT_APP_FORMATS_H_
#define OUTLIVE_EXAMPLES_REPORT_APP_FORMATS_H_

#include <functional>
#include <memory>
#include <string_view>

#include "outlive/core/renderer.h"
#include "report_app/report_params.h"

namespace report_app {

// `on_warning` is told on the rendering thread what a document could not show.
std::unique_ptr<outlive::Renderer> MakeRenderer(
    const GenerateReport& params, std::function<void(std::string_view warning)> on_warning);

}  // namespace report_app

#endif  // OUTLIVE_EXAMPLES_REPORT_APP_FORMATS_H_
