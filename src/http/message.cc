#include "outlive/http/message.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "http/text.h"
#include "outlive/http/download.h"
#include "outlive/http/problem.h"

namespace outlive::http {
namespace {

constexpr std::array<std::pair<Method, std::string_view>, 7> kMethods = {{
    {Method::kGet, "GET"},
    {Method::kHead, "HEAD"},
    {Method::kPost, "POST"},
    {Method::kPut, "PUT"},
    {Method::kPatch, "PATCH"},
    {Method::kDelete, "DELETE"},
    {Method::kOptions, "OPTIONS"},
}};

constexpr std::array<std::pair<int, std::string_view>, 39> kStatusTexts = {{
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {206, "Partial Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {425, "Too Early"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
}};

// Fields that say where a message ends or who keeps the connection: the server's business.
bool BelongsToServer(std::string_view name) {
  static constexpr std::array<std::string_view, 8> kNames = {
      "Connection", "Content-Length", "Date",    "Keep-Alive",
      "TE",         "Trailer",        "Upgrade", "Transfer-Encoding"};
  return std::any_of(kNames.begin(), kNames.end(),
                     [&](std::string_view own) { return EqualsIgnoringCase(own, name); });
}

absl::Status CheckOwner(std::string_view name) {
  if (!BelongsToServer(name)) return absl::OkStatus();
  return absl::InvalidArgumentError(fmt::format("the header {} is set by the server only", name));
}

std::string_view Unquoted(std::string_view value) {
  const bool quoted = value.size() >= 2 && value.front() == '"' && value.back() == '"';
  return quoted ? value.substr(1, value.size() - 2) : value;
}

// The value of `name` in one Cookie header.
std::optional<std::string_view> FindCookie(std::string_view header, std::string_view name) {
  while (!header.empty()) {
    const std::size_t end = std::min(header.find(';'), header.size());
    const std::string_view pair = TrimBlanks(header.substr(0, end));
    header.remove_prefix(std::min(end + 1, header.size()));
    const std::size_t equals = pair.find('=');
    if (equals != std::string_view::npos && pair.substr(0, equals) == name) {
      return Unquoted(pair.substr(equals + 1));
    }
  }
  return std::nullopt;
}

}  // namespace

std::string_view MethodName(Method method) {
  for (const auto& [value, name] : kMethods) {
    if (value == method) return name;
  }
  return {};
}

std::optional<Method> ParseMethod(std::string_view name) {
  for (const auto& [value, text] : kMethods) {
    if (text == name) return value;
  }
  return std::nullopt;
}

bool IsSafe(Method method) {
  return method == Method::kGet || method == Method::kHead || method == Method::kOptions;
}

std::optional<std::string_view> Request::QueryValue(std::string_view name) const {
  for (const QueryParameter& parameter : query_parameters) {
    if (parameter.first == name) return parameter.second;
  }
  return std::nullopt;
}

std::string_view Request::PathParameter(std::string_view name) const {
  for (const auto& [key, value] : path_parameters) {
    if (key == name) return value;
  }
  return {};
}

std::optional<std::string_view> Request::Cookie(std::string_view name) const {
  for (const HeaderField& field : headers.fields()) {
    if (!EqualsIgnoringCase(field.name, "Cookie")) continue;
    if (const auto found = FindCookie(field.value, name)) return found;
  }
  return std::nullopt;
}

Response Response::Bytes(std::string bytes, std::string_view media_type, int status) {
  Response response(status);
  response.Set("Content-Type", media_type);
  response.body_ = std::move(bytes);
  return response;
}

Response Response::Text(std::string text, int status) {
  return Bytes(std::move(text), "text/plain; charset=utf-8", status);
}

Response Response::Html(std::string html, int status) {
  return Bytes(std::move(html), "text/html; charset=utf-8", status);
}

Response Response::Json(const boost::json::value& value, int status) {
  return Bytes(boost::json::serialize(value), "application/json", status);
}

Response Response::NoContent() { return Response(204); }

Response Response::Stream(std::unique_ptr<ByteSource> source, std::optional<std::uint64_t> size,
                          std::string_view media_type, int status) {
  Response response(status);
  response.Set("Content-Type", media_type);
  response.body_ = StreamBody{std::move(source), size};
  return response;
}

Response Response::File(const std::string& path, std::string_view media_type) {
  absl::StatusOr<OpenedFile> file = OpenFile(path);
  if (!file.ok()) return ToResponse(MakeProblem(absl::IsNotFound(file.status()) ? 404 : 500));
  return Stream(std::move(file->bytes), static_cast<std::uint64_t>(file->size), media_type);
}

Response Response::EventStream(EventStreamOpened on_open, EventStreamOptions options) {
  Response response;
  response.Set("Content-Type", "text/event-stream");
  response.Set("Cache-Control", "no-store");
  response.Set("X-Accel-Buffering", "no");  // Proxies that buffer would hold events back.
  response.body_ = EventStreamBody{std::move(on_open), options};
  return response;
}

Response& Response::Set(std::string_view name, std::string_view value) {
  absl::Status owned = CheckOwner(name);
  Remember(owned.ok() ? headers_.Set(name, value) : std::move(owned));
  return *this;
}

Response& Response::Add(std::string_view name, std::string_view value) {
  absl::Status owned = CheckOwner(name);
  Remember(owned.ok() ? headers_.Add(name, value) : std::move(owned));
  return *this;
}

void Response::Remember(absl::Status status) { fault_.Update(std::move(status)); }

std::string_view Response::text() const {
  const auto* text = std::get_if<std::string>(&body_);
  return text == nullptr ? std::string_view() : std::string_view(*text);
}

std::string_view StatusText(int status) {
  for (const auto& [value, text] : kStatusTexts) {
    if (value == status) return text;
  }
  return {};
}

}  // namespace outlive::http
