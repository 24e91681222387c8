# Run with cmake -P: see outlive_add_project_test() in CMakeLists.txt.
cmake_minimum_required(VERSION 3.25)

string(REPLACE "@next@" ";" options "${OPTIONS}")
file(REMOVE_RECURSE "${BINARY}")
execute_process(
  COMMAND "${CMAKE_COMMAND}" -S "${SOURCE}" -B "${BINARY}" -G "${GENERATOR}" ${options}
  OUTPUT_VARIABLE output ERROR_VARIABLE errors RESULT_VARIABLE result)
string(APPEND output "${errors}")

if(EXPECT_ERROR)
  string(REGEX REPLACE "[ \n]+" " " line "${output}")  # CMake breaks its errors into lines.
  if(result EQUAL 0)
    message(FATAL_ERROR "it was configured, and should say: ${EXPECT_ERROR}\n${output}")
  elseif(NOT line MATCHES "${EXPECT_ERROR}")
    message(FATAL_ERROR "it failed, but not with: ${EXPECT_ERROR}\n${output}")
  endif()
  return()
endif()
if(NOT result EQUAL 0)
  message(FATAL_ERROR "it could not be configured:\n${output}")
endif()
if(EXPECT)
  if(NOT output MATCHES "${EXPECT}")
    message(FATAL_ERROR "the configuration does not say: ${EXPECT}\n${output}")
  endif()
  return()
endif()

execute_process(COMMAND "${CMAKE_COMMAND}" --build "${BINARY}" --parallel 2
                OUTPUT_VARIABLE output ERROR_VARIABLE errors RESULT_VARIABLE result)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "it could not be built:\n${output}${errors}")
endif()
execute_process(COMMAND "${BINARY}/${PROGRAM}" WORKING_DIRECTORY "${BINARY}"
                RESULT_VARIABLE result)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "${PROGRAM} failed: ${result}")
endif()
if(NOT_LINKED)
  file(GET_RUNTIME_DEPENDENCIES EXECUTABLES "${BINARY}/${PROGRAM}"
       RESOLVED_DEPENDENCIES_VAR libraries UNRESOLVED_DEPENDENCIES_VAR unresolved)
  list(FILTER libraries INCLUDE REGEX "${NOT_LINKED}")
  if(libraries OR unresolved)
    message(FATAL_ERROR "${PROGRAM} is linked with ${libraries} ${unresolved}")
  endif()
endif()
