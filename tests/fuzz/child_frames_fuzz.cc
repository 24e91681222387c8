// What an isolated worker sends: frames, and the messages in them. However the bytes are cut into
// pieces, the same messages come out, and what was read can be written and is the same.
#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

#include "isolate/frame.h"
#include "isolate/message.h"
#include "tests/fuzz/target.h"

namespace outlive::fuzz {
namespace {

// Takes the frames off a buffer that grows by pieces, as a link does; what each of them says.
std::string Read(std::string_view bytes, std::size_t piece) {
  std::string said;
  std::string buffer;
  while (true) {
    const absl::StatusOr<std::optional<std::string_view>> frame = isolate::FirstFrame(buffer);
    if (!frame.ok()) return said + "too long";
    if (!frame->has_value()) {
      if (bytes.empty()) return said;
      buffer.append(bytes.substr(0, piece));
      bytes.remove_prefix(std::min(piece, bytes.size()));
      continue;
    }
    const absl::StatusOr<isolate::Message> message = isolate::DecodeMessage(**frame);
    if (!message.ok()) return said + "no message";
    const std::string written = isolate::EncodeMessage(*message);
    const absl::StatusOr<isolate::Message> again = isolate::DecodeMessage(written);
    Require(again.ok(), "what was read can be written");
    Require(isolate::EncodeMessage(*again) == written, "and is the same");
    said.append(written).push_back('\n');
    buffer.erase(0, isolate::kFrameHeadBytes + (*frame)->size());
  }
}

}  // namespace

void ChildFrames(std::string_view input) {
  Input in(input);
  const std::size_t piece = 1 + in.Byte();
  const std::string_view bytes = in.Rest();
  Require(Read(bytes, bytes.size() + 1) == Read(bytes, piece), "pieces make no difference");
}

}  // namespace outlive::fuzz
