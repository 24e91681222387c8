#!/usr/bin/env python3
"""Shows each rule of tools/tidy what it must catch, and what it must let pass."""

import importlib.machinery
import importlib.util
import sys
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
PATH = str(Path(__file__).resolve().parent.parent.parent / "tools" / "tidy")
LOADER = importlib.machinery.SourceFileLoader("tidy", PATH)
tidy = importlib.util.module_from_spec(importlib.util.spec_from_loader("tidy", LOADER))
LOADER.exec_module(tidy)


def findings(files):
    """(path, line, rule) of everything that tidy finds in a tree of {path: text}."""
    sources = [tidy.Source(path, text) for path, text in files.items()]
    return [(path, line, rule) for path, line, rule, _ in tidy.check(sources)]


class RuleTest(unittest.TestCase):
    def caught(self, rule, path, text, line=1):
        found = [(number, name) for where, number, name in findings({path: text}) if where == path]
        self.assertIn((line, rule), found, f"{path}: {text!r}")

    def passes(self, rule, path, text):
        found = [name for _, _, name in findings({path: text})]
        self.assertNotIn(rule, found, f"{path}: {text!r}")


class LayersTest(RuleTest):
    def test_a_component_includes_its_own_row_and_those_below(self):
        for path, header in (
            ("src/core/job.cc", "outlive/engine/client.h"),
            ("src/core/job.cc", "engine/worker_pool.h"),
            ("include/outlive/engine/runner.h", "outlive/store/sqlite_store.h"),
            ("src/notify/webhook.cc", "outlive/artifact/signed_link.h"),
            ("src/engine/runner.cc", "outlive/http/server.h"),
            ("src/http/server.cc", "outlive/testing/drain.h"),
            ("src/store/sqlite_store.cc", "outlive/store/memory_store.h"),
            ("src/store/sqlite/database.cc", "store/memory/rows.h"),
            ("src/engine/runner.cc", "outlive/outlive.h"),
        ):
            self.caught("layers", path, f'#include "{header}"\n')
            self.caught("layers", path, f"#include <{header}>\n")
        for path, header in (
            ("src/engine/runner.cc", "outlive/core/job.h"),
            ("src/engine/runner.cc", "core/faults.h"),
            ("src/store/sqlite_store.cc", "store/sqlite_statement.h"),
            ("src/store/sqlite/claim.cc", "outlive/store/sqlite_store.h"),
            ("src/http/download.cc", "outlive/artifact/signed_link.h"),
            ("tests/engine/runner_test.cc", "outlive/store/memory_store.h"),
            ("examples/first/main.cc", "outlive/outlive.h"),
            ("include/outlive/conformance/job_store.h", "outlive/testing/virtual_clock.h"),
        ):
            self.passes("layers", path, f'#include "{header}"\n')
        self.passes("layers", "src/core/job.cc", '// #include "outlive/engine/client.h"\n')

    def test_a_public_header_includes_no_private_one(self):
        self.caught("layers", "include/outlive/engine/runner.h", '#include "engine/pool.h"\n')

    def test_third_party_headers_stay_behind_their_component(self):
        for path, header in (
            ("include/outlive/store/sqlite_store.h", "sqlite3.h"),
            ("include/outlive/http/server.h", "boost/beast/http.hpp"),
            ("include/outlive/core/job.h", "boost/asio.hpp"),
            ("include/outlive/core/clock.h", "time.h"),
            ("src/engine/runner.cc", "sqlite3.h"),
            ("src/core/job.cc", "openssl/evp.h"),
        ):
            self.caught("third-party", path, f"#include <{header}>\n")
        for path, header in (
            ("include/outlive/core/job.h", "absl/time/time.h"),
            ("include/outlive/core/job.h", "string_view"),
            ("include/outlive/core/worker.h", "boost/asio/awaitable.hpp"),
            ("include/outlive/conformance/job_store.h", "doctest/doctest.h"),
            ("src/store/sqlite_store.cc", "sqlite3.h"),
            ("tests/engine/transaction_test.cc", "sqlite3.h"),
        ):
            self.passes("third-party", path, f"#include <{header}>\n")

    def test_the_own_header_goes_first(self):
        own, other = '#include "outlive/core/job.h"\n', "#include <string>\n"
        self.caught("own-header", "src/core/job.cc", other + own, line=2)
        self.passes("own-header", "src/core/job.cc", own + other)
        self.passes("own-header", "src/core/other.cc", other + own)


class HeaderTest(RuleTest):
    GUARDED = "// What for.\n#ifndef {0}\n#define {0}\n\n#endif  // {0}\n"

    def test_the_guard_is_the_path(self):
        for path, guard in (
            ("include/outlive/core/job_store.h", "OUTLIVE_CORE_JOB_STORE_H_"),
            ("include/outlive/outlive.h", "OUTLIVE_OUTLIVE_H_"),
            ("src/core/faults.h", "OUTLIVE_SRC_CORE_FAULTS_H_"),
        ):
            self.passes("guard", path, self.GUARDED.format(guard))
            self.caught("guard", path, self.GUARDED.format("OUTLIVE_OTHER_H_"))
            self.caught("guard", path, "// What for.\n#pragma once\n")
        text = self.GUARDED.format("OUTLIVE_CORE_A_H_").replace("#endif  // ", "#endif  /// ")
        self.caught("guard", "include/outlive/core/a.h", text, line=5)

    def test_two_headers_do_not_share_a_guard(self):
        text = self.GUARDED.format("OUTLIVE_CORE_A_H_")
        found = findings({"include/outlive/core/a.h": text, "include/outlive/core/b.h": text})
        self.assertIn(("include/outlive/core/b.h", 1, "duplicate-guard"), found)

    def test_a_public_header_opens_with_what_it_is_for(self):
        self.caught("opening", "include/outlive/core/a.h", "#ifndef OUTLIVE_CORE_A_H_\n")
        self.passes("opening", "include/outlive/core/a.h", "// Jobs.\n")

    def test_no_using_namespace_in_a_header(self):
        self.caught("using-namespace", "src/core/a.h", "using namespace std;\n")
        self.passes("using-namespace", "src/core/a.h", "// using namespace std;\n")
        self.passes("using-namespace", "tests/core/a_test.cc", "using namespace outlive;\n")


class BannedTest(RuleTest):
    def test_each_banned_call_is_caught(self):
        for line in (
            "absl::Mutex mutex_;",
            "absl::Notification done;",
            "std::mutex mutex_;",
            "std::lock_guard<std::mutex> lock(mutex_);",
            "std::atomic<std::shared_ptr<int>> p;",
            "std::this_thread::sleep_for(1s);",
            "absl::SleepFor(absl::Seconds(1));",
            "usleep(1);",
            "auto now = std::chrono::system_clock::now();",
            "absl::Time now = absl::Now();",
            "std::random_device device;",
            "int n = rand();",
            'printf("%d", n);',
            'fprintf(stderr, "no");',
            "std::cout << n;",
            "co_spawn(ex, Run(), boost::asio::detached);",
            "std::thread(Run).detach();",
            "std::signal(SIGINT, Stop);",
            'setlocale(LC_ALL, "");',
            "std::tm* t = localtime(&now);",
            "out << std::endl;",
            "absl::StatusOr<absl::Status> FinishOne();",
            'system("ls");',
        ):
            self.caught("banned", "src/engine/runner.cc", line + "\n")

    def test_what_only_looks_like_one_passes(self):
        for line in (
            "// std::this_thread::sleep_for(1s);",
            'Log("printf(x) std::cout absl::Now()");',
            "std::snprintf(buffer, sizeof(buffer), format, x);",
            "outlive::Mutex mutex_;",
            "file_system(x);",
            "absl::Time now = clock.Now();",
            'constexpr auto kRaw = R"(std::cout << absl::Now())";',
            "constexpr int kMillion = 1'000'000; char c = '\"'; int d = 1'0;",
        ):
            self.passes("banned", "src/engine/runner.cc", line + "\n")

    def test_some_are_banned_in_the_library_only(self):
        self.passes("banned", "examples/first/main.cc", "std::cout << absl::Now();\n")
        self.passes("banned", "src/core/system_clock.cc", "return absl::Now();\n")
        self.passes("banned", "examples/embed/main.cc", "co_spawn(e, Run(), detached);\n")
        self.caught("banned", "tests/engine/a_test.cc", "std::this_thread::sleep_for(1s);\n")

    def test_an_exception_says_its_reason(self):
        call = "std::this_thread::sleep_for(1s);"
        reason = "// tidy-allow(banned): the test of the clock itself."
        self.passes("banned", "src/core/a.cc", f"{call}  {reason}\n")
        self.passes("banned", "src/core/a.cc", f"{reason}\n{call}\n")
        self.caught("banned", "src/core/a.cc", f"{reason}\n\n{call}\n", line=3)
        self.caught("tidy-allow", "src/core/a.cc", f"{call}  // tidy-allow(banned)\n")
        self.caught("tidy-allow", "src/core/a.cc", f"int x;  {reason}\n")


class TextTest(RuleTest):
    def test_at_most_100_columns(self):
        self.caught("columns", "src/core/a.cc", "// " + "x" * 98 + "\n")
        self.passes("columns", "src/core/a.cc", "// " + "é" * 97 + "\n")
        self.caught("columns", "tools/run", "#!/bin/bash\n# " + "x" * 99 + "\n", line=2)
        self.passes("columns", "docs/a.md", "# T\n" + "x" * 120 + "\n")
        self.passes("columns", "src/core/a.cc", "// https://example.com/" + "x" * 98 + "\n")

    def test_white_space(self):
        for text, line in (("int x; \n", 1), ("int x;\r\n", 1), ("int x;", 1), ("int x;\n\n", 3),
                           ("\tint x;\n", 1)):  # fmt: skip
            self.caught("whitespace", "src/core/a.cc", text, line)
        self.passes("whitespace", "src/core/a.cc", "int x;\n")

    def test_left_overs(self):
        self.caught("left-overs", "src/core/a.cc", "// TODO: later\n")
        self.caught("left-overs", "src/core/a.cc", "// TODO(ann): later\n")
        self.caught("left-overs", "docs/a.md", "# A\nFIXME\n", line=2)
        self.passes("left-overs", "src/core/a.cc", "// TODO(perf): later\n")

    def test_one_title_a_document(self):
        self.caught("title", "docs/a.md", "## Only a second level\n")
        self.caught("title", "docs/a.md", "# One\n\n# Two\n", line=3)
        self.passes("title", "docs/a.md", "# One\n\n```sh\n# a comment\n```\n\n## Part\n")

    def test_links_lead_somewhere(self):
        tree = {"docs/a.md": "# A\n[b](b.md#part) [c](c.md) [web](https://x.y/z) [up](../src)\n",
                "docs/b.md": "# B\n`[no](link.md)`\n", "src/x.h": ""}  # fmt: skip
        found = [entry for entry in findings(tree) if entry[2] == "links"]
        self.assertEqual(found, [("docs/a.md", 2, "links")])

    def test_tests_are_not_commented_out(self):
        self.caught("disabled-tests", "tests/CMakeLists.txt", "# add_test(NAME x COMMAND x)\n")
        self.caught("disabled-tests", "tests/CMakeLists.txt", "  #outlive_add_tests(core\n")
        self.passes("disabled-tests", "cmake/x.cmake", "# outlive_add_tests(<component> …)\n")

    def test_dead_files(self):
        tree = {
            "src/core/CMakeLists.txt":
                "outlive_add_library(core SOURCES job.cc sql/claim.sql ${p}_x.cc)\n",
            "src/core/linux_x.cc": "",
            "src/core/job.cc": '#include "core/used.h"\n',
            "src/core/used.h": "",
            "src/core/sql/claim.sql": "",
            "src/core/dead.cc": "",
            "src/core/dead.h": "",
            "src/core/sql/dead.sql": "",
            "include/outlive/core/dead.h": "",
        }
        dead = [path for path, _, rule in findings(tree) if rule == "dead-file"]
        self.assertEqual(dead, sorted(path for path in tree if "dead" in path))


class FunctionLengthTest(RuleTest):
    BODY = "  x();\n" * 69

    def test_long_functions(self):
        for head in (
            "void F() {\n",
            "namespace a {\nvoid F() {\n",
            "class C {\n public:\n  int f() const override {\n",
            "C::C(int a) : a_{a}, b_(2) {\n",
            "auto F(int x = {}) -> std::vector<int> {\n",
            'TEST_CASE("x") {\n',
            "template <class T>\nrequires(true)\nstruct S {\n  void F() noexcept {\n",
        ):
            line = head.count("\n")
            self.caught("function-length", "src/core/a.cc", head + self.BODY + "}\n", line)
            shorter = head + self.BODY[7:] + "}\n"
            self.passes("function-length", "src/core/a.cc", shorter)

    def test_what_is_long_but_no_function(self):
        rows = "  {1, 2},\n" * 100
        self.passes("function-length", "src/core/a.cc", f"constexpr int kTable[] = {{\n{rows}}};\n")
        methods = "  int F();\n" * 99
        self.passes("function-length", "src/core/a.cc", f"class C {{\n{methods}}};\n")
        self.passes("function-length", "src/core/a.cc", "void F() {\n}\n" * 99)

    def test_scripts(self):
        body = "    x\n" * 70
        self.caught("function-length", "tools/a", "#!/usr/bin/env bash\nf() {\n" + body + "}\n", 2)
        self.caught("function-length", "tools/a.py", "def f():\n" + body)
        self.caught("function-length", "examples/a/a.js", "function f() {\n" + body + "}\n")


class CoAwaitTest(RuleTest):
    def test_what_gcc_12_miscompiles(self):
        for line in (
            'co_await f({.name = "x"});',
            'auto y = co_await f(Args{1, "x"});',
            "co_await run([p] { p->F(); });",
            "co_await run([p = std::move(q)]() -> awaitable<void> { co_return; });",
            "co_await run([=] { F(); });",
            "co_spawn(co_await this_coro::executor, [p]() { F(); }, token);",
            "co_await (b ? f(x) : g(y));",
            "v.push_back({.a = s, .b = co_await g()});",
            "if (co_await f({1})) { x(); }",
        ):
            text = "awaitable<void> F() {\n  " + line + "\n}\n"
            self.caught("co-await", "src/engine/a.cc", text, line=2)

    def test_what_is_right(self):
        for line in (
            "Args args{1, 2}; co_await f(args);",
            "auto fn = [p] { F(); }; co_await run(fn);",
            "co_await run([&] { F(); });",
            "co_await run([this, &x] { F(); });",
            "auto ex = co_await this_coro::executor; co_spawn(ex, [p] { F(); }, token);",
            "if (co_await f(x)) { g({1, 2}); } else { h({3}); }",
            "auto [a, b] = co_await f(x[i]);",
            "while (true) { co_await f(x); }",
            "// co_await f({1});",
        ):
            self.passes("co-await", "src/engine/a.cc", "awaitable<void> F() {\n" + line + "\n}\n")


if __name__ == "__main__":
    unittest.main()
