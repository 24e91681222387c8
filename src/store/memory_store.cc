#include "outlive/store/memory_store.h"
