// Replays inputs in an ordinary build: outlive_fuzz_replay TARGET FILE|FOLDER...
// Runs the target on each file, and on what mutilates it a little. Exit 0: it came back each time.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz_targets.h"  // Generated: declares the targets, and kTargets.

namespace {

std::vector<std::filesystem::path> FilesIn(const std::vector<std::string>& arguments) {
  std::vector<std::filesystem::path> files;
  for (const std::string& argument : arguments) {
    if (!std::filesystem::is_directory(argument)) {
      files.emplace_back(argument);
      continue;
    }
    for (const auto& entry : std::filesystem::directory_iterator(argument)) {
      files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

// The input itself, cut at some places, and with some bytes changed.
void Replay(outlive::fuzz::Target target, std::string bytes) {
  target(bytes);
  const std::size_t step = std::max<std::size_t>(bytes.size() / 4, 1);
  for (std::size_t i = 0; i < bytes.size(); i += step) {
    target(std::string_view(bytes).substr(0, i));
    target(std::string_view(bytes).substr(i));
    const char before = bytes[i];
    for (const int mask : {0x01, 0x20, 0x80, 0xFF}) {
      bytes[i] = static_cast<char>(before ^ mask);
      target(bytes);
    }
    bytes[i] = before;
  }
}

}  // namespace

int main(int argument_count, char** arguments) {
  if (argument_count < 3) {
    std::fprintf(stderr, "usage: %s TARGET FILE|FOLDER...\n", arguments[0]);
    return 2;
  }
  const auto target = outlive::fuzz::kTargets.find(arguments[1]);
  if (target == outlive::fuzz::kTargets.end()) {
    std::fprintf(stderr, "there is no target %s in this build\n", arguments[1]);
    return 2;
  }
  const auto files = FilesIn({arguments + 2, arguments + argument_count});
  for (const std::filesystem::path& path : files) {
    std::ifstream file(path, std::ios::binary);
    std::printf("%s\n", path.filename().c_str());  // What it was doing, if it does not come back.
    std::fflush(stdout);
    Replay(target->second, {std::istreambuf_iterator<char>(file), {}});
  }
  if (files.empty()) std::fprintf(stderr, "there are no inputs for %s\n", arguments[1]);
  return files.empty() ? 1 : 0;
}
