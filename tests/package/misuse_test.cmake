# Run with cmake -P: SOURCE must compile, and with -DMISUSE it must not: the compiler must then say
# what stands after "// Expected:" in its first line (a regular expression).
cmake_minimum_required(VERSION 3.25)

file(STRINGS "${SOURCE}" first LIMIT_COUNT 1)
if(NOT first MATCHES "^// Expected: (.+)$")
  message(FATAL_ERROR "${SOURCE} does not say what is expected")
endif()
set(expected "${CMAKE_MATCH_1}")

execute_process(COMMAND "${COMPILER}" "@${FLAGS}" "${SOURCE}"
                ERROR_VARIABLE errors RESULT_VARIABLE result)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "the right use does not compile:\n${errors}")
endif()
execute_process(COMMAND "${COMPILER}" "@${FLAGS}" -DMISUSE "${SOURCE}"
                ERROR_VARIABLE errors RESULT_VARIABLE result)
if(result EQUAL 0)
  message(FATAL_ERROR "the misuse compiles")
elseif(NOT errors MATCHES "${expected}")
  message(FATAL_ERROR "the compiler does not say: ${expected}\n${errors}")
endif()
