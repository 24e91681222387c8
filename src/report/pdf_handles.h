// Owners of what Pango and Cairo give out.
#ifndef OUTLIVE_SRC_REPORT_PDF_HANDLES_H_
#define OUTLIVE_SRC_REPORT_PDF_HANDLES_H_

#include <cairo.h>
#include <pango/pango.h>

#include <memory>

namespace outlive::rendering {

struct Unref {
  void operator()(void* object) const { g_object_unref(object); }
  void operator()(cairo_surface_t* surface) const { cairo_surface_destroy(surface); }
  void operator()(cairo_t* context) const { cairo_destroy(context); }
  void operator()(cairo_font_options_t* options) const { cairo_font_options_destroy(options); }
  void operator()(PangoFontDescription* font) const { pango_font_description_free(font); }
  void operator()(PangoAttrList* list) const { pango_attr_list_unref(list); }
  void operator()(PangoLayoutIter* iterator) const { pango_layout_iter_free(iterator); }
};

template <typename T>
using Handle = std::unique_ptr<T, Unref>;

}  // namespace outlive::rendering

#endif  // OUTLIVE_SRC_REPORT_PDF_HANDLES_H_
