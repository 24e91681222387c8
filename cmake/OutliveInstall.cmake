if(NOT OUTLIVE_INSTALL)
  return()
endif()
include(CMakePackageConfigHelpers)

get_property(targets GLOBAL PROPERTY OUTLIVE_TARGETS)
list(TRANSFORM targets REPLACE "^outlive_" "" OUTPUT_VARIABLE OUTLIVE_COMPONENTS)
list(TRANSFORM OUTLIVE_COMPONENTS REPLACE "^umbrella$" outlive)
list(JOIN OUTLIVE_COMPONENTS ", " OUTLIVE_COMPONENTS)
set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/outlive")
install(TARGETS ${targets} EXPORT outlive_targets
        ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}"
        LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}"
        RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
install(DIRECTORY include/outlive DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
        FILES_MATCHING PATTERN "*.h")
install(EXPORT outlive_targets NAMESPACE outlive:: DESTINATION "${package_dir}"
        FILE outliveTargets.cmake)
configure_package_config_file(cmake/outliveConfig.cmake.in
  "${outlive_BINARY_DIR}/outliveConfig.cmake" INSTALL_DESTINATION "${package_dir}")
write_basic_package_version_file("${outlive_BINARY_DIR}/outliveConfigVersion.cmake"
  COMPATIBILITY SameMinorVersion)
install(FILES "${outlive_BINARY_DIR}/outliveConfig.cmake"
              "${outlive_BINARY_DIR}/outliveConfigVersion.cmake" DESTINATION "${package_dir}")
install(FILES LICENSE DESTINATION "${CMAKE_INSTALL_DOCDIR}")
