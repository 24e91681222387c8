# Run with cmake -P after a doctest program was linked: asks it for its cases and writes a CTest
# script with one test for each. doctest's own module loses all labels but the first and every
# property that holds a list; it also runs cases marked skip() as if they had passed.
#
#   -D PROGRAM=…      the test program        -D PREFIX=…       goes before each case's name
#   -D OUTPUT=…       the script to write     -D LABELS=…       labels of every case
#   -D PROPERTIES=…   name, value, name, …    -D ENVIRONMENT=…  VAR=value for every case
cmake_minimum_required(VERSION 3.25)
list(REMOVE_ITEM LABELS "")
list(REMOVE_ITEM ENVIRONMENT "")

execute_process(COMMAND "${PROGRAM}" --list-test-cases --reporters=xml --no-skip
                OUTPUT_VARIABLE listing ERROR_VARIABLE errors RESULT_VARIABLE result)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "${PROGRAM} does not list its cases (${result}): ${errors}")
endif()

# CMake's lists give semicolons and square brackets a meaning: they are put away while we cut.
string(REPLACE "[" "@open@" listing "${listing}")
string(REPLACE "]" "@close@" listing "${listing}")
foreach(entity IN ITEMS amp lt gt quot apos)
  string(REPLACE "&${entity};" "@${entity}@" listing "${listing}")
endforeach()
string(REPLACE ";" "@semicolon@" listing "${listing}")
string(REGEX MATCHALL "<TestCase [^\n]*" cases "${listing}")

# outlive_attribute(<variable> <name> <line>): one attribute of an XML element, unescaped.
function(outlive_attribute variable name line)
  set(value "")
  if(line MATCHES " ${name}=\"([^\"]*)\"")
    set(value "${CMAKE_MATCH_1}")
  endif()
  string(REPLACE "@semicolon@" ";" value "${value}")
  string(REPLACE "@open@" "[" value "${value}")
  string(REPLACE "@close@" "]" value "${value}")
  string(REPLACE "@lt@" "<" value "${value}")
  string(REPLACE "@gt@" ">" value "${value}")
  string(REPLACE "@quot@" "\"" value "${value}")
  string(REPLACE "@apos@" "'" value "${value}")
  string(REPLACE "@amp@" "&" value "${value}")
  set(${variable} "${value}" PARENT_SCOPE)
endfunction()

set(script "")
set(seen "")
foreach(case IN LISTS cases)
  outlive_attribute(name name "${case}")
  outlive_attribute(suite testsuite "${case}")
  outlive_attribute(skipped skipped "${case}")
  string(SHA1 key "${name}")
  if(key IN_LIST seen)
    message(FATAL_ERROR "${PROGRAM}: two test cases are named \"${name}\"")
  endif()
  list(APPEND seen "${key}")
  # In a filter a comma parts two patterns, and a backslash takes its meaning away.
  string(REPLACE "\\" "\\\\" filter "${name}")
  string(REPLACE "," "\\," filter "${filter}")
  set(labels ${LABELS} ${suite})
  string(APPEND script
    "add_test([==[${PREFIX}${name}]==]\n"
    "  [==[${PROGRAM}]==] [==[--test-case=${filter}]==] --no-skip)\n"
    "set_tests_properties([==[${PREFIX}${name}]==] PROPERTIES\n"
    "  LABELS [==[${labels}]==]\n"
    # A filter that matches nothing passes; here it must not.
    "  FAIL_REGULAR_EXPRESSION [==[test cases: +0 ]==]\n"
    # A case that finds out that it cannot run here prints such a line, and is reported as skipped.
    "  SKIP_REGULAR_EXPRESSION [==[\\[skipped\\] ]==]\n")
  if(ENVIRONMENT)
    string(APPEND script "  ENVIRONMENT [==[${ENVIRONMENT}]==]\n")
  endif()
  if(skipped)
    string(APPEND script "  DISABLED TRUE\n")
  endif()
  foreach(word IN LISTS PROPERTIES)
    string(APPEND script "  [==[${word}]==]\n")
  endforeach()
  string(APPEND script ")\n")
endforeach()
if(NOT cases)
  message(FATAL_ERROR "${PROGRAM} has no test cases")
endif()
file(WRITE "${OUTPUT}" "${script}")
