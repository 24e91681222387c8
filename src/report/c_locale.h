// The C locale for the current thread, for libraries that write numbers with printf: in a host that
// has set a locale of its own they would write 1,5 into a file where only 1.5 can be read.
#ifndef OUTLIVE_SRC_REPORT_C_LOCALE_H_
#define OUTLIVE_SRC_REPORT_C_LOCALE_H_

#include <locale.h>

namespace outlive::rendering {

class CLocale {
 public:
  CLocale() : locale_(newlocale(LC_ALL_MASK, "C", static_cast<locale_t>(nullptr))) {}
  ~CLocale() {
    if (locale_ != static_cast<locale_t>(nullptr)) freelocale(locale_);
  }
  CLocale(const CLocale&) = delete;
  CLocale& operator=(const CLocale&) = delete;

  // The thread's locale while it lives; then the former one again. Touches no other thread.
  class Scope {
   public:
    explicit Scope(const CLocale& c) : former_(uselocale(c.locale_)) {}
    ~Scope() { uselocale(former_); }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    const locale_t former_;
  };

 private:
  const locale_t locale_;
};

}  // namespace outlive::rendering

#endif  // OUTLIVE_SRC_REPORT_C_LOCALE_H_
