// The servers that a conninfo lists, each by itself.
#include "store/postgres/conninfo.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace outlive::postgres {
namespace {

using Hosts = std::vector<Host>;

// Nothing is put over the conninfo: libpq goes by it alone.
const Hosts kAsItIs(1);

TEST_CASE("conninfo: each host of a list is one") {
  CHECK(HostsIn("host=a,b dbname=app") == Hosts{{"a", "", ""}, {"b", "", ""}});
  CHECK(HostsIn("host=a,b port=1,2") == Hosts{{"a", "", "1"}, {"b", "", "2"}});
  CHECK(HostsIn("host=a,b,c hostaddr=1.1.1.1,::1,2.2.2.2 port=7") ==
        Hosts{{"a", "1.1.1.1", ""}, {"b", "::1", ""}, {"c", "2.2.2.2", ""}});
  CHECK(HostsIn("hostaddr=1.1.1.1,2.2.2.2") == Hosts{{"", "1.1.1.1", ""}, {"", "2.2.2.2", ""}});
  CHECK(HostsIn("host=/run/a,/run/b") == Hosts{{"/run/a", "", ""}, {"/run/b", "", ""}});
  CHECK(HostsIn("postgresql://u:secret@a:1,b:2/app?sslmode=require") ==
        Hosts{{"a", "", "1"}, {"b", "", "2"}});
  // A port that is not there is libpq's usual one.
  CHECK(HostsIn("postgresql://a,b:2/app") == Hosts{{"a", "", "5432"}, {"b", "", "2"}});
  CHECK(HostsIn("host=a,b target_session_attrs=any").size() == 2);
}

TEST_CASE("conninfo: what is no list, or is libpq's to go through, stays as it is") {
  for (const std::string conninfo :
       {"", "host=a", "host=a port=1", "hostaddr=1.1.1.1", "postgresql://a:1/app", "port=1,2",
        // What it refuses, and says why.
        "host=a,b port=1,2,3", "host=a,b,c hostaddr=1.1.1.1,2.2.2.2",
        // The usual socket, and an address to be looked up: no keyword says these.
        "host=,b", "host=a,b hostaddr=1.1.1.1,", "host=a,b service=app",
        "host=a,b target_session_attrs=prefer-standby"}) {
    CAPTURE(conninfo);
    CHECK(HostsIn(conninfo) == kAsItIs);
  }
}

TEST_CASE("conninfo: its password, and whether it is one") {
  CHECK(PasswordIn("postgresql://u:hunter2@a,b/app") == "hunter2");
  CHECK(PasswordIn("host=a password='hunter 2'") == "hunter 2");
  CHECK(PasswordIn("host=a").empty());
  CHECK(IsConninfo("host=a"));
  CHECK_FALSE(IsConninfo("host=a oops"));
  CHECK_FALSE(IsConninfo(std::string("host=a\0b", 8)));
}

}  // namespace
}  // namespace outlive::postgres
