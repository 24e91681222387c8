#include "notify/address_guard.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <string>
#include <vector>

namespace {

using outlive::internal::AddressGuard;
using outlive::internal::Network;
using outlive::internal::ParseNetwork;

bool Allows(const AddressGuard& guard, const std::string& text) {
  sockaddr_in6 v6 = {};
  v6.sin6_family = AF_INET6;
  if (inet_pton(AF_INET6, text.c_str(), &v6.sin6_addr) == 1) {
    return guard.Allows(reinterpret_cast<const sockaddr&>(v6));
  }
  sockaddr_in v4 = {};
  v4.sin_family = AF_INET;
  REQUIRE(inet_pton(AF_INET, text.c_str(), &v4.sin_addr) == 1);
  return guard.Allows(reinterpret_cast<const sockaddr&>(v4));
}

}  // namespace

TEST_CASE("addresses that are not public are refused, to their last one (N08)") {
  const AddressGuard guard({});
  for (const std::string address : {"0.0.0.0",
                                    "0.255.255.255",
                                    "10.0.0.0",
                                    "10.255.255.255",
                                    "100.64.0.0",
                                    "100.127.255.255",
                                    "127.0.0.1",
                                    "127.255.255.255",
                                    "169.254.0.0",
                                    "169.254.169.254",
                                    "172.16.0.0",
                                    "172.31.255.255",
                                    "192.0.0.8",
                                    "192.0.2.1",
                                    "192.88.99.1",
                                    "192.168.0.1",
                                    "192.168.255.255",
                                    "198.18.0.0",
                                    "198.19.255.255",
                                    "198.51.100.7",
                                    "203.0.113.9",
                                    "224.0.0.1",
                                    "239.255.255.255",
                                    "240.0.0.1",
                                    "255.255.255.255",
                                    "::",
                                    "::1",
                                    "::ffff:127.0.0.1",
                                    "::ffff:8.8.8.8",
                                    "::127.0.0.1",
                                    "64:ff9b::7f00:1",
                                    "64:ff9b::808:808",
                                    "64:ff9b:1::1",
                                    "100::1",
                                    "2001::1",
                                    "2001:db8::1",
                                    "2001:1ff:ffff::1",
                                    "2002:7f00:1::",
                                    "3fff::1",
                                    "fc00::1",
                                    "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
                                    "fe80::1",
                                    "febf::1",
                                    "fec0::1",
                                    "ff02::1",
                                    "4000::1",
                                    "1fff:ffff::1"}) {
    CAPTURE(address);
    CHECK_FALSE(Allows(guard, address));
  }
}

TEST_CASE("public addresses next to them are allowed") {
  const AddressGuard guard({});
  for (const std::string address : {"1.0.0.0",         "8.8.8.8",
                                    "9.255.255.255",   "11.0.0.0",
                                    "100.63.255.255",  "100.128.0.0",
                                    "126.255.255.255", "128.0.0.0",
                                    "169.253.255.255", "169.255.0.0",
                                    "172.15.255.255",  "172.32.0.0",
                                    "191.255.255.255", "192.0.1.0",
                                    "192.0.3.0",       "192.167.255.255",
                                    "192.169.0.0",     "198.17.255.255",
                                    "198.20.0.0",      "223.255.255.255",
                                    "2001:200::1",     "2001:4860:4860::8888",
                                    "2003::1",         "2606:4700::1111",
                                    "3ffe::1"}) {
    CAPTURE(address);
    CHECK(Allows(guard, address));
  }
}

TEST_CASE("a network that was allowed is let through, and nothing beside it") {
  const AddressGuard guard({ParseNetwork("127.0.0.1/32").value(),
                            ParseNetwork("10.1.128.0/17").value(),
                            ParseNetwork("fd12:3456::/33").value()});
  CHECK(Allows(guard, "127.0.0.1"));
  CHECK_FALSE(Allows(guard, "127.0.0.2"));
  CHECK_FALSE(Allows(guard, "::ffff:127.0.0.1"));
  CHECK(Allows(guard, "10.1.128.0"));
  CHECK(Allows(guard, "10.1.255.255"));
  CHECK_FALSE(Allows(guard, "10.1.127.255"));
  CHECK_FALSE(Allows(guard, "10.2.128.0"));
  CHECK(Allows(guard, "fd12:3456:7fff::1"));
  CHECK_FALSE(Allows(guard, "fd12:3456:8000::1"));
  CHECK(Allows(AddressGuard({ParseNetwork("0.0.0.0/0").value()}), "127.0.0.1"));
  CHECK_FALSE(Allows(AddressGuard({ParseNetwork("0.0.0.0/0").value()}), "::1"));
}

TEST_CASE("other families than IP are refused") {
  sockaddr_un local = {};
  local.sun_family = AF_UNIX;
  CHECK_FALSE(AddressGuard({}).Allows(reinterpret_cast<const sockaddr&>(local)));
}

TEST_CASE("what is not a network is refused") {
  for (const std::string text :
       {"", "/", "10.0.0.0", "10.0.0.0/", "/8", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8x",
        "10.0.0.0/ 8", "10.0.0.1/8", "10.0.0/8", "010.0.0.0/8", "10.0.0.0/255.0.0.0", "fc00::/129",
        "fc00::1/7", "fe80::%eth0/10", "localhost/8", "10.0.0.0/99999999999999999999"}) {
    CAPTURE(text);
    CHECK(absl::IsInvalidArgument(ParseNetwork(text).status()));
  }
}
