// Users are anonymous here: whoever comes without a cookie gets one, signed, and is that user from
// then on. Enough to keep people's reports apart; a real host has its own login in this place.
//
// Thread-safety: may be used from many threads at once.
// Lifetime:      the random source outlives it.
#ifndef OUTLIVE_EXAMPLES_REPORT_APP_USERS_H_
#define OUTLIVE_EXAMPLES_REPORT_APP_USERS_H_

#include <functional>
#include <string>

#include "outlive/core/random.h"
#include "outlive/http/message.h"
#include "outlive/http/router.h"
#include "outlive/http/signed_cookie.h"

namespace report_app {

class Users {
 public:
  // `over_tls`: browsers come by https:// only, and their cookie must not go any other way.
  Users(outlive::http::CookieSigner signer, outlive::RandomSource& random, bool over_tls);

  // The user whose cookie came with the request; empty: none, or one that we have not signed.
  std::string Identify(const outlive::http::Request& request) const;

  using Handler = std::function<outlive::http::Response(const outlive::http::Request&,
                                                        const std::string& user)>;

  // A handler that always has a user: a visitor without one becomes one, and gets the cookie with
  // the response.
  outlive::http::Router::Handler WithUser(Handler handler) const;

 private:
  outlive::http::CookieSigner signer_;
  outlive::RandomSource& random_;
  const bool over_tls_;
};

}  // namespace report_app

#endif  // OUTLIVE_EXAMPLES_REPORT_APP_USERS_H_
