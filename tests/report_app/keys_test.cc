#include "report_app/keys.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "outlive/core/random.h"
#include "tests/report_app/temporary_folder.h"

namespace {

using report_app::Keys;

const std::string kSecret(64, 'a');

absl::StatusOr<Keys> Read(const std::filesystem::path& path) {
  return report_app::ReadOrMakeKeys(path, outlive::SystemRandomInstance());
}

void Write(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path) << text;
  std::filesystem::permissions(path, std::filesystem::perms(0600));
}

}  // namespace

TEST_CASE("keys are made once, for their owner only") {
  report_app_tests::TemporaryFolder folder;
  const std::filesystem::path path = folder.path() / "keys";
  const Keys made = Read(path).value();
  const Keys read = Read(path).value();
  REQUIRE(made.links.size() == 1);
  REQUIRE(made.cookies.size() == 1);
  CHECK(read.links[0].id == made.links[0].id);
  CHECK(read.links[0].secret.Reveal() == made.links[0].secret.Reveal());
  CHECK(read.cookies[0].Reveal() == made.cookies[0].Reveal());
  CHECK(made.links[0].secret.Reveal() != made.cookies[0].Reveal());

  struct stat info = {};
  REQUIRE(stat(path.c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0600);
  // Nothing but the file itself is left.
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 1);
}

TEST_CASE("older keys stay behind the new one") {
  report_app_tests::TemporaryFolder folder;
  const std::filesystem::path path = folder.path() / "keys";
  Write(path, "# new\nlink b " + kSecret + "\n\nlink a " + kSecret + "\ncookie " + kSecret + "\n");
  const Keys keys = Read(path).value();
  REQUIRE(keys.links.size() == 2);
  CHECK(keys.links[0].id == "b");
  CHECK(keys.links[1].id == "a");
}

TEST_CASE("a keys file that is not right is for a person to look at") {
  report_app_tests::TemporaryFolder folder;
  const std::filesystem::path path = folder.path() / "keys";
  for (const std::string& text :
       {std::string(), "link a " + kSecret + "\n", "cookie " + kSecret + "\n",
        "link a short\ncookie " + kSecret + "\n", "link " + kSecret + "\n",
        "secret " + kSecret + "\n"}) {
    Write(path, text);
    const absl::Status status = Read(path).status();
    CHECK(absl::IsFailedPrecondition(status));
    CHECK(std::string(status.message()).find(kSecret) == std::string::npos);
  }
  Write(path, "link a " + kSecret + "\ncookie " + kSecret + "\n");
  CHECK(Read(path).ok());
  std::filesystem::permissions(path, std::filesystem::perms(0640));
  CHECK(absl::IsFailedPrecondition(Read(path).status()));
}
