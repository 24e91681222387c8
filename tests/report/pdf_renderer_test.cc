#include "outlive/report/pdf_renderer.h"
