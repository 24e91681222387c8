# Run with cmake -P: runs PROGRAM in the new, empty folder FOLDER and compares what it writes to
# standard output with the file EXPECTED. A line "-- again --" in that file: it is run once more in
# the same folder, and what comes then is below.
cmake_minimum_required(VERSION 3.25)

file(REMOVE_RECURSE "${FOLDER}")
file(MAKE_DIRECTORY "${FOLDER}")
file(READ "${EXPECTED}" expected)
set(actual "")
string(REGEX MATCHALL "(^|\n)-- again --\n" again "${expected}")
list(LENGTH again repeats)
foreach(round RANGE ${repeats})
  if(round GREATER 0)
    string(APPEND actual "-- again --\n")
  endif()
  execute_process(COMMAND "${PROGRAM}" WORKING_DIRECTORY "${FOLDER}" TIMEOUT 100
                  OUTPUT_VARIABLE output ERROR_VARIABLE errors RESULT_VARIABLE result)
  string(APPEND actual "${output}")
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "${PROGRAM} ended with ${result}\n${output}\n${errors}")
  endif()
endforeach()
if(NOT actual STREQUAL expected)
  message(FATAL_ERROR
    "${PROGRAM} wrote\n${actual}\nand was expected to write\n${expected}\n${errors}")
endif()
