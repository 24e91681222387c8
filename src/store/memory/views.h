// How rows of the in-memory store are shown to the outside.
#ifndef OUTLIVE_SRC_STORE_MEMORY_VIEWS_H_
#define OUTLIVE_SRC_STORE_MEMORY_VIEWS_H_

#include <memory>
#include <string>
#include <vector>

#include "outlive/core/job.h"
#include "outlive/core/payloads.h"
#include "store/memory/records.h"

namespace outlive::internal {

inline std::string TextOf(const std::shared_ptr<const std::string>& text) {
  return text == nullptr ? std::string() : *text;
}

// Null for what is empty.
inline std::shared_ptr<const std::string> Share(std::string text) {
  return text.empty() ? nullptr : std::make_shared<const std::string>(std::move(text));
}

template <class T>
std::vector<T> ListOf(const std::shared_ptr<const std::vector<T>>& list) {
  return list == nullptr ? std::vector<T>() : *list;
}

// The job as List() shows it, in the state `live`.
Job JobRow(const MemoryRecord& record, const JobLive& live);

// The same as Get() shows it: whole, with its payloads opened.
Job WholeJob(const MemoryRecord& record, const JobLive& live, const Payloads& payloads);

}  // namespace outlive::internal

#endif  // OUTLIVE_SRC_STORE_MEMORY_VIEWS_H_
