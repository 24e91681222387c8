# One function for each kind of target, so that flags, names and install rules stand in one place.

include(GNUInstallDirs)

# Flags for our own code only: PRIVATE, never passed on to a host.
function(outlive_private_flags target)
  set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow)
  if(OUTLIVE_WERROR)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
  if(OUTLIVE_THREAD_SAFETY AND CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    target_compile_options(${target} PRIVATE -Wthread-safety -Werror=thread-safety)
  endif()
  if(OUTLIVE_SANITIZE)
    target_compile_options(${target} PRIVATE -fsanitize=${OUTLIVE_SANITIZE} -fno-omit-frame-pointer
                                             -fno-sanitize-recover=all)
    target_link_options(${target} PRIVATE -fsanitize=${OUTLIVE_SANITIZE})
    if(OUTLIVE_SANITIZE MATCHES "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
      target_compile_options(${target} PRIVATE -Wno-tsan)  # Asio's fences: suppressed at run time.
    endif()
    if(OUTLIVE_SANITIZE MATCHES "undefined" AND CMAKE_CXX_COMPILER_ID MATCHES "Clang")
      target_compile_options(${target} PRIVATE -fno-sanitize=function)
    endif()
  endif()
  if(OUTLIVE_FUZZ)
    target_compile_options(${target} PRIVATE -fsanitize=fuzzer-no-link)
  endif()
  if(PROJECT_IS_TOP_LEVEL AND CMAKE_CXX_COMPILER_ID MATCHES "GNU|Clang")
    find_program(OUTLIVE_MOLD mold)
    if(OUTLIVE_MOLD)
      target_link_options(${target} PRIVATE -fuse-ld=mold)
    endif()
  endif()
  if(TARGET outlive_pch)
    target_compile_options(${target} PRIVATE -fPIC)  # All alike, or the header does not fit.
    get_target_property(libraries ${target} LINK_LIBRARIES)
    if(target STREQUAL "outlive_core" OR libraries MATCHES "outlive")
      target_precompile_headers(${target} REUSE_FROM outlive_pch)
    endif()
  endif()
endfunction()

# What nearly every source includes, compiled once for all of our targets: halves the builds that
# clang does for the sanitizers. g++ does without, so that a missing include is found.
function(outlive_add_precompiled_header)
  if(NOT OUTLIVE_PCH OR NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    return()
  endif()
  set(source "${outlive_BINARY_DIR}/generated/precompiled.cc")
  file(CONFIGURE OUTPUT "${source}" CONTENT "// Only here to have the header compiled.\n")
  add_library(outlive_pch OBJECT "${source}")
  target_compile_features(outlive_pch PRIVATE cxx_std_20)
  target_compile_definitions(outlive_pch PRIVATE BOOST_ASIO_SEPARATE_COMPILATION)
  target_link_libraries(outlive_pch PRIVATE
    Boost::boost Boost::json absl::any_invocable absl::flat_hash_map absl::statusor absl::time
    fmt::fmt Threads::Threads)
  target_compile_options(outlive_pch PRIVATE "SHELL:-Xclang -fno-pch-timestamp")  # For ccache.
  outlive_private_flags(outlive_pch)
  target_precompile_headers(outlive_pch PRIVATE
    <algorithm> <array> <atomic> <chrono> <condition_variable> <cstdint> <deque> <functional> <map>
    <memory> <mutex> <optional> <set> <string> <string_view> <thread> <utility> <variant> <vector>
    <absl/container/flat_hash_map.h> <absl/functional/any_invocable.h> <absl/status/statusor.h>
    <absl/time/time.h> <boost/asio/any_io_executor.hpp> <boost/asio/awaitable.hpp>
    <boost/describe.hpp> <boost/json/object.hpp> <boost/json/value.hpp> <boost/mp11/algorithm.hpp>
    <fmt/format.h>)
endfunction()

# outlive_add_library(<name> [SOURCES …] [PUBLIC …] [PRIVATE …])
# Makes outlive_<name>, seen by everybody as outlive::<name>, and lists it for installation.
# Without SOURCES it has headers only.
function(outlive_add_library name)
  cmake_parse_arguments(arg "" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
  set(target outlive_${name})
  set(include "$<BUILD_INTERFACE:${outlive_SOURCE_DIR}/include>"
              "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")
  if(arg_SOURCES)
    add_library(${target} ${arg_SOURCES})
    target_compile_features(${target} PUBLIC cxx_std_20)
    set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE ON)
    target_include_directories(${target} PUBLIC ${include} PRIVATE
      "${outlive_SOURCE_DIR}/src" "${outlive_BINARY_DIR}/generated")
    target_link_libraries(${target} PUBLIC ${arg_PUBLIC} PRIVATE ${arg_PRIVATE})
    outlive_private_flags(${target})
  else()
    add_library(${target} INTERFACE)
    target_compile_features(${target} INTERFACE cxx_std_20)
    target_include_directories(${target} INTERFACE ${include})
    target_link_libraries(${target} INTERFACE ${arg_PUBLIC})
  endif()
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${name})
  add_library(outlive::${name} ALIAS ${target})
  set_property(GLOBAL APPEND PROPERTY OUTLIVE_TARGETS ${target})
endfunction()

# outlive::outlive is what most hosts link: core, engine, memory and SQLite.
function(outlive_add_umbrella)
  add_library(outlive_umbrella INTERFACE)
  add_library(outlive::outlive ALIAS outlive_umbrella)
  set_target_properties(outlive_umbrella PROPERTIES EXPORT_NAME outlive)
  target_link_libraries(outlive_umbrella INTERFACE outlive::core outlive::engine
                                                   outlive::store_memory)
  if(TARGET outlive::store_sqlite)
    target_link_libraries(outlive_umbrella INTERFACE outlive::store_sqlite)
  endif()
  set_property(GLOBAL APPEND PROPERTY OUTLIVE_TARGETS outlive_umbrella)
endfunction()

# outlive_add_program(<name> SOURCES … [DEPS …]): an executable of ours, never installed.
function(outlive_add_program name)
  cmake_parse_arguments(arg "" "" "SOURCES;DEPS" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE ${arg_DEPS})
  target_include_directories(${name} PRIVATE "${outlive_SOURCE_DIR}/src"
                                             "${outlive_BINARY_DIR}/generated")
  outlive_private_flags(${name})
endfunction()

# outlive_add_tests(<component> SOURCES … [MAIN <file>] [DEPS …] [LABELS …] [PROPERTIES …]
#                   [ENVIRONMENT …])
# One doctest program for a component; each of its cases is one CTest test, <component>/<case>.
# MAIN: where its main() is, instead of tests/main.cc.
#
# Labels: the component, LABELS, and the case's test suite (TEST_SUITE("slow")). tools/test --quick
# leaves out slow, browser and package. PROPERTIES are test properties of one value each. A case
# that finds out that it cannot run here prints "[skipped] why" and returns: CTest reports it as
# skipped. A case marked doctest::skip() is reported as disabled. After a quarter of an hour a case
# hangs: the slowest take less than one minute of a processor, but on a busy machine not soon.
function(outlive_add_tests component)
  cmake_parse_arguments(arg "" "MAIN" "SOURCES;DEPS;LABELS;PROPERTIES;ENVIRONMENT" ${ARGN})
  set(program outlive_${component}_tests)
  set(main "${outlive_SOURCE_DIR}/tests/main.cc")
  if(arg_MAIN)
    set(main "${arg_MAIN}")
  endif()
  outlive_add_program(${program} SOURCES ${arg_SOURCES} "${main}"
                      DEPS doctest::doctest ${arg_DEPS})
  # Without optimisation assertions compile in half of the time; what they test is optimised.
  target_compile_options(${program} PRIVATE $<$<CONFIG:RelWithDebInfo>:-O0>)
  # Sources of the tests may include one another's helpers as "tests/…".
  target_include_directories(${program} PRIVATE "${outlive_SOURCE_DIR}")
  set(tests "${CMAKE_CURRENT_BINARY_DIR}/${program}.cmake")
  set(script "${outlive_SOURCE_DIR}/cmake/OutliveDiscoverTests.cmake")
  set_property(TARGET ${program} APPEND PROPERTY LINK_DEPENDS "${script}")
  add_custom_command(TARGET ${program} POST_BUILD BYPRODUCTS "${tests}" VERBATIM
    COMMAND "${CMAKE_COMMAND}" -D "PROGRAM=$<TARGET_FILE:${program}>" -D "PREFIX=${component}/"
            -D "OUTPUT=${tests}" -D "LABELS=${component};${arg_LABELS}"
            -D "PROPERTIES=TIMEOUT;900;${arg_PROPERTIES}"
            -D "ENVIRONMENT=${OUTLIVE_TEST_ENVIRONMENT};${arg_ENVIRONMENT}" -P "${script}")
  set(include "${CMAKE_CURRENT_BINARY_DIR}/${program}_include.cmake")
  file(WRITE "${include}" "if(EXISTS [==[${tests}]==])\n  include([==[${tests}]==])\nelse()\n"
                          "  add_test(${component}/not_built ${program}_not_built)\nendif()\n")
  set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES "${include}")
endfunction()

# outlive_embed(<target> HEADER <path> NAMESPACE <namespace> FILES …)
# Makes the files part of <target>, which includes <path> (as in "store/sqlite_sql.h") and finds
# each of them there as a std::string_view: claim_jobs.sql is <namespace>::kClaimJobsSql, and
# index.html is kIndexHtml. Text and bytes of any kind, up to 64 KiB a file.
function(outlive_embed target)
  cmake_parse_arguments(arg "" "HEADER;NAMESPACE" "FILES" ${ARGN})
  list(TRANSFORM arg_FILES PREPEND "${CMAKE_CURRENT_SOURCE_DIR}/")
  set(output "${outlive_BINARY_DIR}/generated/${arg_HEADER}")
  set(script "${outlive_SOURCE_DIR}/cmake/OutliveEmbed.cmake")
  add_custom_command(OUTPUT "${output}" DEPENDS ${arg_FILES} "${script}" VERBATIM
    COMMAND "${CMAKE_COMMAND}" -D "OUTPUT=${output}" -D "HEADER=${arg_HEADER}"
            -D "NAMESPACE=${arg_NAMESPACE}" -D "FILES=${arg_FILES}" -P "${script}")
  target_sources(${target} PRIVATE "${output}")
endfunction()
