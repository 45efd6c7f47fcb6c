# Makes a C++ source of the pages, so that the server is one file. Run again when a page changes.
#
# fluxgate_embed_pages(OUTPUT FUNCTION FILE [FUNCTION FILE ...]): each FUNCTION returns the text of
# its FILE, in which @FLUXGATE_VERSION@ stands for the release.
function(fluxgate_embed_pages output)
  set(FLUXGATE_VERSION ${PROJECT_VERSION})
  set(source "#include \"http/pages.hpp\"\n\nnamespace fluxgate::http {\n")
  list(LENGTH ARGN count)
  math(EXPR last "${count} - 1")
  foreach(i RANGE 0 ${last} 2)
    math(EXPR j "${i} + 1")
    list(GET ARGN ${i} name)
    list(GET ARGN ${j} file)
    file(READ ${file} text)
    string(CONFIGURE "${text}" text @ONLY)
    string(APPEND source "\nstd::string_view ${name}() noexcept {\n"
                         "  return R\"page(${text})page\";\n}\n")
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
  endforeach()
  string(APPEND source "\n}  // namespace fluxgate::http\n")
  file(CONFIGURE OUTPUT ${output} CONTENT "${source}" @ONLY)
endfunction()
