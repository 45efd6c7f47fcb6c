# What `cmake --install` puts under its prefix: both libraries, their headers, the server program
# and the CMake package `fluxgate` with the targets fluxgate::engine and fluxgate::server.
option(FLUXGATE_INSTALL "Install fluxgate with this project" ${PROJECT_IS_TOP_LEVEL})

# Before 1.0 every minor release may change the binary interface.
set_target_properties(fluxgate_engine fluxgate_server PROPERTIES
  VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}
  INSTALL_RPATH "$ORIGIN")
set_target_properties(fluxgate-server PROPERTIES
  INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR}")

if(FLUXGATE_INSTALL)
  include(CMakePackageConfigHelpers)
  set(fluxgate_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/fluxgate)

  install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/fluxgate
          DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.hpp")
  install(TARGETS fluxgate-server RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})

  # One export each, so that who only embeds the engine needs nothing the server is made of.
  foreach(library engine server)
    install(TARGETS fluxgate_${library} EXPORT fluxgate-${library}-targets
            ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
            LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
    install(EXPORT fluxgate-${library}-targets NAMESPACE fluxgate::
            DESTINATION ${fluxgate_package_dir})
  endforeach()

  configure_package_config_file(
    ${PROJECT_SOURCE_DIR}/scripts/cmake/fluxgate-config.cmake.in fluxgate-config.cmake
    INSTALL_DESTINATION ${fluxgate_package_dir})
  write_basic_package_version_file(fluxgate-config-version.cmake COMPATIBILITY SameMinorVersion)
  install(FILES ${CMAKE_CURRENT_BINARY_DIR}/fluxgate-config.cmake
                ${CMAKE_CURRENT_BINARY_DIR}/fluxgate-config-version.cmake
          DESTINATION ${fluxgate_package_dir})
endif()
