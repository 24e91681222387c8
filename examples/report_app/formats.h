// The renderer of each format.
#ifndef OUTLIVE_EXAMPLES_REPORT_APP_FORMATS_H_
#define OUTLIVE_EXAMPLES_REPORT_APP_FORMATS_H_

#include <memory>

#include "outlive/core/renderer.h"
#include "report_app/report_params.h"

namespace report_app {

std::unique_ptr<outlive::Renderer> MakeRenderer(const GenerateReport& params);

}  // namespace report_app

#endif  // OUTLIVE_EXAMPLES_REPORT_APP_FORMATS_H_
