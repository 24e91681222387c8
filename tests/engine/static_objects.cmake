# Starts the program twice on one new store.
file(REMOVE "${STORE}" "${STORE}-wal" "${STORE}-shm")
set(ENV{OUTLIVE_STATIC_OBJECTS} "${STORE}")
foreach(start IN ITEMS first second)
  execute_process(COMMAND "${PROGRAM}" RESULT_VARIABLE result OUTPUT_VARIABLE output
                  ERROR_VARIABLE error)
  message(STATUS "${start} start: ${result}\n${output}${error}")
  if(NOT result STREQUAL "0")
    message(FATAL_ERROR "the ${start} start ended with ${result}")
  endif()
endforeach()
