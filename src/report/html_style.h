// The style sheet of HTML reports, and its hash for Content-Security-Policy. Whoever changes the
// sheet changes the hash with it; a test compares them.
#ifndef OUTLIVE_SRC_REPORT_HTML_STYLE_H_
#define OUTLIVE_SRC_REPORT_HTML_STYLE_H_

#include <string_view>

namespace outlive::rendering {

inline constexpr std::string_view kHtmlStyle = R"css(
:root{color-scheme:light}
*{box-sizing:border-box}
body{margin:0 auto;max-width:64rem;padding:2.5rem 1.25rem;background:#fff;color:#1f2933;
font:1rem/1.5 "Noto Sans","Segoe UI",system-ui,-apple-system,"Helvetica Neue",Arial,sans-serif}
h1,h2,h3,h4{line-height:1.25;text-wrap:balance}
h1{margin:0;font-size:2rem}
h2{margin:2.5rem 0 .75rem;padding-bottom:.35rem;border-bottom:1px solid #d5dae1;font-size:1.375rem}
h3{margin:2rem 0 .5rem;font-size:1.125rem}
h4{margin:1.5rem 0 .5rem;font-size:1rem;color:#4b5563}
p{max-width:46rem;margin:0 0 .75rem;white-space:pre-line}
header{padding-bottom:1rem;border-bottom:3px solid #1f2933}
.subtitle{margin:.25rem 0 0;font-size:1.125rem;color:#4b5563}
.meta{margin:.75rem 0 0;font-size:.875rem;color:#4b5563}
time{direction:ltr;unicode-bidi:isolate}
.facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(10rem,1fr));gap:1rem;
margin:1.5rem 0 0}
.facts dt{font-size:.8125rem;color:#4b5563}
.facts dd{margin:0;font-size:1.25rem;font-weight:600;overflow-wrap:anywhere}
.scroll{overflow-x:auto;margin:1.25rem 0 2rem}
table{width:100%;border-collapse:collapse;font-size:.875rem;font-variant-numeric:tabular-nums}
caption{padding:0 0 .5rem;text-align:start;font-size:1rem;font-weight:600}
th,td{padding:.35rem .6rem;text-align:left;vertical-align:top;unicode-bidi:plaintext}
[dir=rtl] :is(th,td):not([class]){text-align:right}
th{border-bottom:2px solid #1f2933;vertical-align:bottom}
td{border-bottom:1px solid #e5e7eb;overflow-wrap:break-word}
tbody tr:nth-child(even){background:#f6f8fa}
.r{text-align:right;white-space:nowrap}
.c{text-align:center}
.l{text-align:left}
.none{color:#4b5563;text-align:center}
figure{margin:1.5rem 0 2rem;overflow-x:auto}
figcaption{margin-bottom:.5rem;font-weight:600}
svg{display:block;width:100%;height:auto}
@media screen{svg{min-width:44rem}}
details{margin-top:.5rem;font-size:.875rem}
summary{cursor:pointer;color:#4b5563}
@media print{body{max-width:none;padding:0}details{display:none}tr,figure{break-inside:avoid}
h2,h3,h4{break-after:avoid}.scroll{overflow:visible}}
)css";

inline constexpr std::string_view kHtmlStyleSource =
    "'sha256-hoBK1ywThm+z3qJis+D0gVgVB6I84z45jI7KklgRz/Q='";

}  // namespace outlive::rendering

#endif  // OUTLIVE_SRC_REPORT_HTML_STYLE_H_
