#include "outlive/core/trace_context.h"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstring>
#include <string>
#include <vector>

namespace {

const std::string kParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

// Gives each call the next of its bytes, then the last for ever.
class ScriptedRandom final : public outlive::RandomSource {
 public:
  explicit ScriptedRandom(std::vector<unsigned char> fills) : fills_(std::move(fills)) {}
  void Fill(void* bytes, std::size_t size) override {
    std::memset(bytes, fills_[std::min(calls_, fills_.size() - 1)], size);
    ++calls_;
  }
  std::size_t calls() const { return calls_; }

 private:
  const std::vector<unsigned char> fills_;
  std::size_t calls_ = 0;
};

TEST_CASE("valid traceparents") {
  CHECK(outlive::IsTraceparent(kParent));
  CHECK(outlive::IsTraceparent("00-00000000000000000000000000000001-0000000000000001-00"));
  CHECK(outlive::IsTraceparent("00-ffffffffffffffffffffffffffffffff-ffffffffffffffff-ff"));
}

TEST_CASE("what is not a traceparent of version 00") {
  const std::string bad[] = {
      "",
      "00",
      std::string(55, '0'),
      std::string(55, '-'),
      "01" + kParent.substr(2),
      "ff" + kParent.substr(2),
      "00-00000000000000000000000000000000-b7ad6b7169203331-01",
      "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
      "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
      "00-0af7651916cd43dd8448eb211c80319g-b7ad6b7169203331-01",
      "00-0af7651916cd43dd8448eb211c80319c-b7ad6b716920333z-01",
      "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0G",
      "00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
      "00-0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331-01",
      "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331_01",
      kParent.substr(0, 54),
      kParent + "-",
      kParent + "-extra",
      " " + kParent.substr(1),
      kParent.substr(0, 54) + "\n",
      kParent.substr(0, 54) + std::string(1, '\0'),
  };
  for (const std::string& text : bad) {
    CAPTURE(text);
    CHECK_FALSE(outlive::IsTraceparent(text));
  }
}

TEST_CASE("a child stays in its trace, under a new id") {
  ScriptedRandom random({0xAB});
  const std::string child = outlive::ChildTraceparent(kParent, random);
  CHECK(child == "00-0af7651916cd43dd8448eb211c80319c-abababababababab-01");
  CHECK(outlive::IsTraceparent(child));
}

TEST_CASE("an id of zeros is drawn again") {
  ScriptedRandom random({0, 0, 7});
  CHECK(outlive::ChildTraceparent(kParent, random) ==
        "00-0af7651916cd43dd8448eb211c80319c-0707070707070707-01");
  CHECK(random.calls() == 3);
}

TEST_CASE("without a valid parent there is no child, and no randomness is used") {
  ScriptedRandom random({1});
  CHECK(outlive::ChildTraceparent("", random) == "");
  CHECK(outlive::ChildTraceparent("nonsense", random) == "");
  CHECK(outlive::ChildTraceparent(kParent + "x", random) == "");
  CHECK(random.calls() == 0);
}

}  // namespace
