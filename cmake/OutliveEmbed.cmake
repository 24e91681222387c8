# Run with cmake -P: writes OUTPUT, a header (included as HEADER) that holds each of FILES as a
# std::string_view in NAMESPACE. See outlive_embed() in OutliveTargets.cmake.
cmake_minimum_required(VERSION 3.25)

string(MAKE_C_IDENTIFIER "OUTLIVE_GENERATED_${HEADER}_" guard)
string(TOUPPER "${guard}" guard)
set(text "// Made from the files named below. Do not edit.\n")
string(APPEND text "#ifndef ${guard}\n#define ${guard}\n\n#include <string_view>\n\n"
                   "namespace ${NAMESPACE} {\n")
string(REPEAT "." 80 line)  # Twenty bytes of four characters each.
foreach(file IN LISTS FILES)
  get_filename_component(name "${file}" NAME)
  string(REGEX MATCHALL "[A-Za-z0-9]+" words "${name}")
  set(constant k)
  foreach(word IN LISTS words)
    string(SUBSTRING "${word}" 0 1 first)
    string(SUBSTRING "${word}" 1 -1 rest)
    string(TOUPPER "${first}" first)
    string(APPEND constant "${first}${rest}")
  endforeach()
  file(SIZE "${file}" size)
  if(size GREATER 65536)
    message(FATAL_ERROR "${file} is too large to be embedded: ${size} bytes, the limit is 65536")
  endif()
  file(READ "${file}" bytes HEX)
  string(REGEX REPLACE "(..)" "\\\\x\\1" bytes "${bytes}")
  string(REGEX REPLACE "(${line})" "\\1\"\n    \"" bytes "${bytes}")
  string(APPEND text "\n// ${name}\ninline constexpr std::string_view ${constant}(\n"
                     "    \"${bytes}\",\n    ${size});\n")
endforeach()
string(APPEND text "\n}  // namespace ${NAMESPACE}\n\n#endif  // ${guard}\n")
file(WRITE "${OUTPUT}" "${text}")
